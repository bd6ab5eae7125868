"""A bootstrap that is cut off anywhere stores nothing twice."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cointrader.jobs import bootstrap
from cointrader.jobs.process_guard import ControlPipe, ask_to_stop
from cointrader.jobs.requests import enqueue_training
from cointrader.jobs.work import JobCancelled, JobInterrupted, WorkContext
from cointrader.settings import Settings
from storage import jobs as queue
from storage.workspace import Workspace
from tests.cointrader.cli.test_candles import candle_file


@pytest.fixture
def control() -> Iterator[tuple[ControlPipe, int]]:
    """A pipe between a supervisor and its child, and the supervisor's end of it."""
    reading, writing = os.pipe()
    yield ControlPipe(reading), writing
    os.close(writing)


@pytest.fixture
def context(
    workspace: Workspace,
    connection: sqlite3.Connection,
    control: tuple[ControlPipe, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> WorkContext:
    """A claimed bootstrap over a small sample."""
    small = candle_file(tmp_path / "SOL_USDT_5m.csv")
    monkeypatch.setattr("cointrader.data_feeds.sample.sample_files", lambda: [small])
    bootstrap.enqueue_bootstrap(connection)
    job = queue.claim(connection, 1, {"cpu": 1}, 60)
    assert job is not None
    return WorkContext(workspace, connection, Settings(), job, control[0])


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def cut_off_at(monkeypatch: pytest.MonkeyPatch, training: int, context: WorkContext) -> None:
    """Runs the job until it asks for this training (the first is 1), where it is killed."""
    asked: list[str] = []

    def ask(connection: sqlite3.Connection, agent: str, *rest: Any, **more: Any) -> int:
        asked.append(agent)
        if len(asked) == training:
            raise KeyboardInterrupt
        return enqueue_training(connection, agent, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "enqueue_training", ask)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.fill(context)


def test_what_was_traded_is_stored_whole_or_not_at_all(
    context: WorkContext, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off_at(monkeypatch, 2, context)
    assert (
        count(connection, "trading_run") == count(connection, "signal") == count(connection, "position") == 0
    )
    assert queue.children(connection, context.job.id) == []
    assert queue.get_job(connection, context.job.id).state == "running"


@pytest.mark.parametrize("training", range(1, len(bootstrap.FIRST_AGENTS) + 1))
def test_the_next_attempt_goes_on_where_a_killed_one_stopped(
    context: WorkContext, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, training: int
) -> None:
    cut_off_at(monkeypatch, training, context)
    told = bootstrap.fill(context)
    for table, rows in (("trading_run", 1), ("candle_file", 1)):
        assert count(connection, table) == rows
    assert count(connection, "setup") == told["setups"]["collected"] or training > 2
    assert count(connection, "outcome") > 100
    assert count(connection, "experience") >= 3 * count(connection, "outcome")
    assert connection.execute("SELECT count(*) FROM feed_record WHERE type = 'order_book'").fetchone() == (
        600,
    )
    job = queue.get_job(connection, context.job.id)
    assert (job.state, job.result) == ("succeeded", told)
    waiting = queue.children(connection, context.job.id)
    assert [child.arguments["agent"] for child in waiting] == list(bootstrap.FIRST_AGENTS)
    assert bootstrap.workspace_is_filled(connection)
    assert bootstrap.pending_bootstrap(connection) == context.job.id  # until its trainings have ended


def test_a_cancelled_bootstrap_stops_before_it_trades(
    context: WorkContext, connection: sqlite3.Connection
) -> None:
    queue.request_cancel(connection, context.job.id)
    with pytest.raises(JobCancelled):
        bootstrap.fill(context)
    assert count(connection, "signal") == 0


def test_a_bootstrap_whose_worker_has_to_go_stops_before_it_trades(
    context: WorkContext, control: tuple[ControlPipe, int], connection: sqlite3.Connection
) -> None:
    pipe, writing = control
    ask_to_stop(writing)
    pipe.read_once()
    with pytest.raises(JobInterrupted):
        bootstrap.fill(context)
    assert count(connection, "signal") == 0
