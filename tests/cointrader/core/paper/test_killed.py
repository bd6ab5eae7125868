"""A run that is killed at any statement it sends to the database goes on as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.start import open_run
from storage.database import open_database
from storage.order_requests import ask_close, ask_open, list_orders
from storage.paper_runs import PLAYBACK, PaperPlan, state_of
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import begin, kept, store
from tests.cointrader.market import by_hand

BARS = [
    (100.0, 101.0, 99.0, 100.0),
    (100.0, 101.0, 99.0, 100.0),
    (101.0, 105.0, 98.0, 104.0),
    (104.0, 104.5, 103.5, 104.0),
    (104.0, 108.0, 103.0, 107.0),
    (107.0, 107.5, 106.5, 107.0),
    (107.0, 107.5, 106.5, 107.0),
    (108.0, 108.5, 107.5, 108.0),
    (108.0, 108.5, 107.5, 108.0),
    (108.0, 108.5, 107.5, 108.0),
]
PARTS = {0: scripted.LONG, 1: scripted.LONG, 3: scripted.SHORT, 7: scripted.LONG, 9: scripted.SHORT}


def go_on(workspace: Workspace, run_id: int, kill_at: int = 0) -> int:
    """Trade to the end, with two orders by hand; kills its own process at the n-th statement."""
    statements = 0

    def count(statement: str) -> None:
        nonlocal statements
        statements += 1
        if statements == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with closing(open_database(workspace)) as connection:
        connection.set_trace_callback(count)
        engine = open_run(workspace, connection, run_id)
        while state_of(connection, run_id) != "stopped":
            take_orders(engine)
            bar = int((engine.now_ms - FIRST_MS) // 300_000) if engine.now_ms else -1
            asked = len(list_orders(connection, run_id))
            if bar == 5 and asked == 0:
                ask_open(connection, "BTC/USDT", "long", notional=500.0)
            elif bar == 6 and asked == 1:
                (number,) = engine.open_positions
                ask_close(connection, number)
            elif not engine.advance(limit=1).moments:
                engine.finish()
    return statements


FIRST_MS = int(by_hand(BARS).close_ms[0])


def killed(workspace: Workspace, run_id: int, at: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            go_on(workspace, run_id, at)
        finally:
            os._exit(0)  # only reached when it was not killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def linked(connection: sqlite3.Connection) -> tuple[object, ...]:
    """Links, rewards, fills, paths and searchable texts, each of which belongs to one position or signal."""
    tables = (
        *("signal_position", "reward", "position_fill", "position_path", "position_text", "signal_text"),
        *("outbox", "outcome_label"),
    )
    counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    texts = connection.execute("SELECT text FROM position_text ORDER BY rowid").fetchall()
    orders = connection.execute("SELECT kind, state, reason, signal_id FROM order_request").fetchall()
    return (*counts, texts, orders)


def at_every(workspace: Workspace, tmp_path: Path, step: int) -> None:
    with closing(open_database(workspace)) as connection:
        store(workspace, connection, scripted.script(by_hand(BARS), PARTS))
        run_id = begin(connection, PaperPlan(source=PLAYBACK, strategies=("scripted",)))
    whole = copied(workspace, tmp_path / "whole")
    statements = go_on(whole, run_id)
    with closing(open_database(whole)) as connection:
        expected, expected_links = kept(connection, run_id), linked(connection)
    assert [trade[4] for trade in expected.trades] == ["target", "stop", "manual", "end_of_data"]
    assert len(expected.signals) == 6
    for number in range(1, statements + 1, step):
        other = copied(workspace, tmp_path / f"killed-{number}")
        killed(other, run_id, number)
        go_on(other, run_id)
        with closing(open_database(other)) as connection:
            assert kept(connection, run_id) == expected, f"killed at statement {number}"
            assert linked(connection) == expected_links, f"killed at statement {number}"
        shutil.rmtree(other.root)


def copied(workspace: Workspace, root: Path) -> Workspace:
    copy = Workspace(root)
    with closing(sqlite3.connect(workspace.database)) as checkpointed:
        checkpointed.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(workspace.root, root)
    return copy


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.register(monkeypatch)


def test_nothing_is_lost_or_doubled_wherever_a_run_is_killed(workspace: Workspace, tmp_path: Path) -> None:
    at_every(workspace, tmp_path, step=17)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_at_many_more_statements(workspace: Workspace, tmp_path: Path) -> None:
    at_every(workspace, tmp_path, step=5)
