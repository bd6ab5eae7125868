"""The look back at rejected signals is asked for when candles have followed, and not again and again."""

from __future__ import annotations

import os
import sqlite3

import pytest

from cointrader.core.hindsight_pass import judge_rejections
from cointrader.jobs.hindsight import LOOK_SECONDS, WaitingHindsight, ask_for_hindsight
from cointrader.jobs.process_guard import ControlPipe
from cointrader.jobs.work import JobCancelled, WorkContext, work_of
from cointrader.settings import Settings
from storage import jobs as queue
from storage.database import transaction
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import store
from tests.cointrader.core.test_hindsight import bars_with_lows, traded
from tests.cointrader.market import head


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += LOOK_SECONDS
        return self.now


def job_context(workspace: Workspace, connection: sqlite3.Connection) -> WorkContext:
    with transaction(connection):
        job_id = ask_for_hindsight(connection)
    worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
    job = queue.claim(connection, worker, {"cpu": 1}, 60.0)
    assert job is not None and job.id == job_id
    reading, _ = os.pipe()
    return WorkContext(workspace, connection, Settings(), job, ControlPipe(reading))


def test_a_job_is_queued_once_for_what_is_there(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.register(monkeypatch)
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG, 3: scripted.SHORT})
    waiting = WaitingHindsight(connection, Clock())
    store(workspace, connection, head(candles, 2))
    traded(workspace, connection, candles)
    assert waiting.look() == 0  # nothing follows the signals yet
    store(workspace, connection, head(candles, 5))
    context = job_context(workspace, connection)
    assert waiting.look() == 0  # a job is at it
    result = work_of("hindsight")(context)
    assert (result["judged"], result["waiting"]) == (1, 1)
    context.succeed(result)
    assert waiting.look() == 0  # nothing has changed since
    store(workspace, connection, candles)
    assert waiting.look() > 0
    assert waiting.look() == 0


def test_it_looks_no_more_often_than_every_ten_seconds(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.register(monkeypatch)
    now = [100.0]
    waiting = WaitingHindsight(connection, lambda: now[0])
    assert waiting.look() == 0
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG})
    traded(workspace, connection, candles)
    store(workspace, connection, candles)
    now[0] += LOOK_SECONDS - 0.1
    assert waiting.look() == 0
    now[0] += 0.1
    assert waiting.look() > 0


def test_a_cancelled_job_stops_and_keeps_what_it_has(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.register(monkeypatch)
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG, 3: scripted.SHORT})
    traded(workspace, connection, candles)
    store(workspace, connection, candles)
    monkeypatch.setattr("cointrader.core.hindsight_pass.PAGE", 1)
    context = job_context(workspace, connection)
    queue.request_cancel(connection, context.job.id)
    with pytest.raises(JobCancelled):
        work_of("hindsight")(context)
    assert connection.execute("SELECT count(*) FROM hindsight").fetchone() == (1,)
    assert judge_rejections(workspace, connection).judged == 1
