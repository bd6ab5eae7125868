"""A run that is killed at any statement it sends to the database goes on as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.start import open_run
from cointrader.trading.contributions import Contributions
from cointrader.trading.model_id import ModelId
from storage.database import open_database
from storage.order_requests import ask_close, ask_open, list_orders
from storage.paper_runs import PLAYBACK, PaperPlan, state_of
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import Kept, begin, kept, store
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
SHARES = Contributions(
    {ModelId.CNN: 0.3, ModelId.DQN: 0.0},
    0.7,
    {ModelId.COB_RL: "no version of cob_rl decides yet"},
    {ModelId.CNN: 0.6, ModelId.DQN: 0.2},
)
PARTS = {0: scripted.LONG, 1: scripted.LONG, 3: scripted.SHORT, 7: scripted.LONG, 9: scripted.SHORT}


FAULT_POINTS = {
    "before a signal is kept": ('INSERT INTO "signal"', 1),
    "between a signal and what models said of it": ('INSERT INTO "context_record"', 1),
    "between a signal and its book": ("UPDATE paper_run SET book", 1),
    "before a position is opened": ('INSERT INTO "position" ', 1),
    "between position and link": ('INSERT INTO "signal_position"', 1),
    "between link and entry fill": ('INSERT INTO "position_fill"', 1),
    "between entry fill and book": ("UPDATE paper_run SET book", 2),
    "before the opening is committed": ("COMMIT", 2),
    "between opening and exit fill": ('INSERT INTO "position_fill"', 2),
    "between exit fill and close": ("UPDATE position SET state = 'closed'", 1),
    "between close and reward": ('INSERT INTO "reward"', 1),
    "between reward and path": ('INSERT INTO "position_path"', 1),
    "between reward and lessons": ("INTO outbox", 1),
    "between two lessons": ("INTO outbox", 2),
    "between lessons and labels": ("INTO outcome_label", 1),
    "between labels and equity": ("INTO equity_point", 3),
    "between equity and book": ("UPDATE paper_run SET book", 3),
    "before the close is committed": ("COMMIT", 3),
    "after the close is committed": ("BEGIN IMMEDIATE", 4),
    "between an order by hand and its answer": ("UPDATE order_request SET state", 1),
    "between the order to leave and its exit": ("SET state = 'closing'", 1),
    "before the last close of a run that ends": ("INTO outbox", 12),
    "before a run has ended": ("SET state = 'stopped'", 1),
}
"""The n-th statement that holds a text, at whose beginning the process is killed."""


def go_on(workspace: Workspace, run_id: int, part: str = "", kill_at: int = 0) -> int:
    """Trade to the end, with two orders by hand; kills its own process at the n-th statement with `part`."""
    statements = 0

    def count(statement: str) -> None:
        nonlocal statements
        if part not in statement:
            return
        statements += 1
        if statements == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with closing(open_database(workspace)) as connection:
        connection.set_trace_callback(count)
        engine = open_run(workspace, connection, run_id, shares=lambda record, candles: SHARES)
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


def killed(workspace: Workspace, run_id: int, part: str, at: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            go_on(workspace, run_id, part, at)
        finally:
            os._exit(0)  # only reached when it was not killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"no {at}. {part!r}"


LESSONS = (
    "SELECT position_id, close_number, model, weight, reward, reward_weight, state, reason, tries FROM outbox"
)
LABELS = "SELECT position_id, return_1m, return_5m, return_15m, computed_ms > 0 FROM outcome_label"
OPINIONS = "SELECT signal_key, data_json FROM context_record WHERE kind = 'opinion'"


def linked(connection: sqlite3.Connection) -> tuple[object, ...]:
    """Links, rewards, fills, paths and searchable texts, each of which belongs to one position or signal."""
    tables = (
        *("signal_position", "reward", "position_fill", "position_path", "position_text", "signal_text"),
    )
    counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    texts = connection.execute("SELECT text FROM position_text ORDER BY rowid").fetchall()
    orders = connection.execute("SELECT kind, state, reason, signal_id FROM order_request").fetchall()
    lessons = connection.execute(f"{LESSONS} ORDER BY position_id, model").fetchall()
    opinions = connection.execute(f"{OPINIONS} ORDER BY id").fetchall()
    labels = connection.execute(f"{LABELS} ORDER BY position_id").fetchall()
    return (*counts, texts, orders, labels, lessons, opinions)


def begun(workspace: Workspace) -> int:
    with closing(open_database(workspace)) as connection:
        store(workspace, connection, scripted.script(by_hand(BARS), PARTS))
        return begin(connection, PaperPlan(source=PLAYBACK, strategies=("scripted",)))


def left_by(workspace: Workspace, run_id: int) -> tuple[Kept, tuple[object, ...]]:
    with closing(open_database(workspace)) as connection:
        return kept(connection, run_id), linked(connection)


def check_killed(
    workspace: Workspace, tmp_path: Path, run_id: int, points: Iterable[tuple[str, str, int]]
) -> None:
    """A run that is killed at (name, part of a statement, which of them) leaves what a whole one leaves."""
    whole = copied(workspace, tmp_path / "whole")
    go_on(whole, run_id)
    expected = left_by(whole, run_id)
    trades, (*_, labels, lessons, opinions) = expected[0].trades, expected[1]
    assert [trade[4] for trade in trades] == ["target", "stop", "manual", "end_of_data"]
    assert len(expected[0].signals) == 6
    assert isinstance(labels, list) and isinstance(lessons, list) and isinstance(opinions, list)
    # Bars of five minutes say nothing of the first; the last position was opened too late for fifteen.
    known = [[value is not None for value in row[1:4]] for row in labels]
    assert known == [[False, True, True]] * 3 + [[False, True, False]]
    assert [row[4] for row in labels] == [True, True, True, False]
    assert [row[6] for row in lessons] == ["waiting", "absent", "skipped"] * 4 and len(opinions) == 5
    for name, part, number in points:
        other = copied(workspace, tmp_path / "killed")
        killed(other, run_id, part, number)
        go_on(other, run_id)
        assert left_by(other, run_id) == expected, f"killed {name}"
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


def test_nothing_is_lost_or_doubled_between_any_two_writes(workspace: Workspace, tmp_path: Path) -> None:
    run_id = begun(workspace)
    check_killed(workspace, tmp_path, run_id, [(name, *at) for name, at in FAULT_POINTS.items()])


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_at_many_more_statements(workspace: Workspace, tmp_path: Path) -> None:
    run_id = begun(workspace)
    go_on(copied(workspace, tmp_path / "first"), run_id)  # the first of a process asks some things once
    statements = go_on(copied(workspace, tmp_path / "counted"), run_id)
    points = [(f"at statement {number}", "", number) for number in range(1, statements + 1, 5)]
    check_killed(workspace, tmp_path, run_id, points)
