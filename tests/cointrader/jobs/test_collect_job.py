"""Collecting as a job: incremental, cancelled and killed at any moment, one bad series among good ones."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cointrader.jobs.collecting import collect_stored
from cointrader.jobs.process_guard import ControlPipe
from cointrader.jobs.work import JobCancelled, JobError, WorkContext, work_of
from cointrader.settings import Settings
from models.candle_series import PlainCandles, truncate
from storage import jobs as queue
from storage.candles import Candles, CandlesMissing, candle_record, save_candle_record, write_candles
from storage.collection import collection_of
from storage.database import open_database, transaction
from storage.insert import insert_row
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk

FIVE_MINUTES = 300_000


def walk(symbol: str, bars: int = 500, seed: int = 1) -> PlainCandles:
    return dataclasses.replace(random_walk(bars, seed=seed), symbol=symbol)


@pytest.fixture
def pipe() -> Iterator[ControlPipe]:
    """The end that a job listens to."""
    reading, writing = os.pipe()
    yield ControlPipe(reading)
    os.close(writing)


def context_of(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe, **said: Any
) -> WorkContext:
    queue.enqueue(connection, kind="collect", title="Collect", arguments=said)
    job = queue.claim(connection, 1, {"cpu": 1}, 60)
    assert job is not None
    return WorkContext(workspace, connection, Settings(), job, pipe)


def contents(connection: sqlite3.Connection) -> dict[str, Any]:
    """What a collection leaves, but for ids, times and revisions."""
    queries = {
        "setups": "SELECT symbol, ts_ms, origin, side, state, sha256, score, priority FROM setup "
        "ORDER BY symbol, ts_ms",
        "outcomes": "SELECT s.symbol, s.ts_ms, o.net_return, o.novelty, o.value FROM outcome AS o "
        "JOIN setup AS s ON s.id = o.setup_id ORDER BY 1, 2",
        "experiences": 'SELECT s.symbol, s.ts_ms, e."action", e.source, e.reward, e.truncated, n.ts_ms '
        "FROM experience AS e JOIN setup AS s ON s.id = e.setup_id "
        "LEFT JOIN setup AS n ON n.id = e.next_setup_id ORDER BY 1, 2, 3, 4",
        "collections": "SELECT symbol, last_ts_ms, collected, refused, rapid, validated, completeness_sum "
        "FROM collection ORDER BY symbol",
    }
    return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def replace_candles(workspace: Workspace, connection: sqlite3.Connection, series: PlainCandles) -> None:
    """What an import of more bars leaves."""
    row = candle_record(connection, series.symbol, series.timeframe_ms)
    assert row is not None
    path, sha256 = write_candles(workspace, Candles(**vars(series)))
    changed = dataclasses.replace(
        row, path=path, sha256=sha256, bars=len(series.close_ms), last_close_ms=int(series.close_ms[-1])
    )
    with transaction(connection):
        save_candle_record(connection, changed)


def test_new_candles_bring_new_setups_and_nothing_is_collected_twice(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe
) -> None:
    series = walk("BTC/USDT")
    store_candles(workspace, connection, truncate(series, 400))
    context = context_of(workspace, connection, pipe)
    first = collect_stored(context)
    assert first.total("collected") > 100
    assert first.total("collected") == first.total("validated") + first.total("waiting")
    assert collect_stored(context).total("collected") == 0
    replace_candles(workspace, connection, series)
    second = collect_stored(context)
    assert 0 < second.total("collected") < first.total("collected")
    piecewise = contents(connection)

    fresh = Workspace(workspace.root.parent / "fresh").create()
    with closing(open_database(fresh)) as other:
        store_candles(fresh, other, series)
        collect_stored(context_of(fresh, other, pipe))
        at_once = contents(other)
    priorities = [[row[-1] for row in each["setups"]] for each in (piecewise, at_once)]
    assert priorities[0] == pytest.approx(priorities[1], abs=1e-3)
    for each in (piecewise, at_once):
        each["setups"] = [row[:-1] for row in each["setups"]]
        each["collections"] = [row[:-1] for row in each["collections"]]
    assert piecewise == at_once


def test_a_cancelled_collection_keeps_what_it_has_and_the_next_finishes_it(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe
) -> None:
    for seed, symbol in enumerate(("BTC/USDT", "ETH/USDT")):
        store_candles(workspace, connection, walk(symbol, seed=seed))
    context = context_of(workspace, connection, pipe)
    said: list[str] = []
    real = context.progress

    def progress(done: float, total: float, message: str = "") -> None:
        said.append(message)
        if message.startswith("ETH/USDT"):
            queue.request_cancel(connection, context.job.id)
            context.check()
        real(done, total, message)

    context.progress = progress  # type: ignore[method-assign]
    with pytest.raises(JobCancelled):
        collect_stored(context)
    assert {row[0] for row in contents(connection)["setups"]} == {"BTC/USDT"}
    finished = collect_stored(context_of(workspace, connection, pipe))
    assert [report.collected > 0 for report in finished.series] == [False, True]


def kill_at(workspace: Workspace, statement: int) -> int:
    """Collects in a process that is killed at its n-th statement; how it ended."""
    child = os.fork()
    if child == 0:
        try:
            collect(workspace, statement)
        finally:
            os._exit(0)  # only reached when it was not killed
    return os.waitpid(child, 0)[1]


def collect(workspace: Workspace, kill_at: int = 0) -> int:
    """Collects once; returns how many statements that took."""
    statements = 0

    def count(text: str) -> None:
        nonlocal statements
        statements += 1
        if statements == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    reading, writing = os.pipe()
    with closing(open_database(workspace)) as connection:
        context = context_of(workspace, connection, ControlPipe(reading))
        connection.set_trace_callback(count)
        collect_stored(context)
        connection.set_trace_callback(None)
    os.close(writing)
    return statements


def test_nothing_is_doubled_wherever_a_collection_is_killed(tmp_path: Path) -> None:
    template = Workspace(tmp_path / "template").create()
    with closing(open_database(template)) as connection:
        store_candles(template, connection, walk("BTC/USDT", bars=160))
    whole = copy(template, tmp_path / "whole")
    statements = collect(whole)
    with closing(open_database(whole)) as connection:
        expected = contents(connection)
    assert len(expected["outcomes"]) > 10
    places = random.Random(7).sample(range(2, statements), 12)
    for number in sorted(places):
        workspace = copy(template, tmp_path / f"killed-{number}")
        status = kill_at(workspace, number)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        collect(workspace)
        with closing(open_database(workspace)) as connection:
            assert contents(connection) == expected, f"killed at statement {number}"


def copy(workspace: Workspace, target: Path) -> Workspace:
    """A closed workspace, copied."""
    shutil.copytree(workspace.root, target)
    return Workspace(target)


def test_a_series_that_cannot_be_used_is_told_and_does_not_keep_the_others(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe
) -> None:
    for seed, symbol in enumerate(("BTC/USDT", "ETH/USDT")):
        store_candles(workspace, connection, walk(symbol, seed=seed))
    row = candle_record(connection, "BTC/USDT", FIVE_MINUTES)
    assert row is not None
    path = workspace.root / row.path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\0")
    bad, good = collect_stored(context_of(workspace, connection, pipe)).series
    assert "SHA-256" in bad.error
    assert good.validated > 100
    noted = collection_of(connection, "BTC/USDT", FIVE_MINUTES)
    assert noted is not None and "SHA-256" in noted.last_error

    path.write_bytes(content)
    mended = collect_stored(context_of(workspace, connection, pipe)).series[0]
    assert mended.error == "" and mended.validated > 100
    noted = collection_of(connection, "BTC/USDT", FIVE_MINUTES)
    assert noted is not None and noted.last_error == ""


def test_a_collection_of_nothing_says_what_is_missing(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe
) -> None:
    with pytest.raises(CandlesMissing, match="import some"):
        work_of("collect")(context_of(workspace, connection, pipe))
    with pytest.raises(JobError, match="does not know"):
        work_of("collecting")


def test_signals_of_a_later_run_are_collected_when_the_whole_history_is_looked_at(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe
) -> None:
    series = walk("BTC/USDT")
    store_candles(workspace, connection, series)
    context = context_of(workspace, connection, pipe)
    collect_stored(context)
    known = {ts for (ts,) in connection.execute("SELECT ts_ms FROM setup").fetchall()}
    free = next(int(ts) for ts in series.close_ms[200:] if int(ts) not in known)
    add_close(connection, free, reward=-0.25)
    assert collect_stored(context).total("collected") == 0
    again = collect_stored(context, whole=True)
    assert (again.total("collected"), again.total("experiences")) == (1, 4)
    stored = connection.execute(
        'SELECT s.origin, s.taken, e."action", e.reward, e.terminated, e.ends_ms - e.ts_ms '
        "FROM experience AS e JOIN setup AS s ON s.id = e.setup_id WHERE e.source = 'close'"
    ).fetchall()
    assert stored == [("signal", 1, 1, -0.25, 1, 600_000)]
    assert collect_stored(context, whole=True).total("experiences") == 0


def add_close(connection: sqlite3.Connection, ts_ms: int, reward: float) -> None:
    """An accepted short signal at a moment, and the position that came of it, closed after ten minutes."""
    run = {
        "kind": "backtest", "provenance": "backtest", "state": "succeeded", "strategies": "momentum",
        "symbols": "BTC/USDT", "settings_json": "{}", "first_ms": 0, "last_ms": 1, "bars": 1, "signals": 1,
        "rejections": 0, "positions": 1, "start_equity": 1e4, "end_equity": 1e4, "started_ms": 0,
        "code_version": "1", "rev": 1,
    }  # fmt: skip
    with transaction(connection):
        run_id = insert_row(connection, "trading_run", tuple(run), tuple(run.values()))
        sent = {
            "run_id": run_id, "ts_ms": ts_ms, "symbol": "BTC/USDT", "strategy": "momentum", "side": "short",
            "confidence": 0.5, "price": 100.0, "status": "accepted", "contributions": "{}",
            "provenance": "backtest",
        }  # fmt: skip
        signal_id = insert_row(connection, "signal", tuple(sent), tuple(sent.values()))
        held = {
            "run_id": run_id, "symbol": "BTC/USDT", "strategy": "momentum", "side": "short",
            "state": "closed", "origin": "signal", "provenance": "backtest", "opened_ms": ts_ms,
            "closed_ms": ts_ms + 600_000, "qty": 1.0, "entry_price": 100.0, "notional": 100.0,
            "equity_at_entry": 1e4, "return_notional": -0.003, "reward": reward, "contributions": "{}",
            "rev": 1,
        }  # fmt: skip
        position_id = insert_row(connection, "position", tuple(held), tuple(held.values()))
        insert_row(
            connection,
            "signal_position",
            ("position_id", "signal_id", "created_ms"),
            (position_id, signal_id, 0),
        )
