"""A paper run as a job: paused, resumed, stopped, cancelled, handed back, taken over, in trouble."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from cointrader.jobs import paper as paper_job
from cointrader.jobs.process_guard import ControlPipe
from cointrader.jobs.work import JobCancelled, JobInterrupted, WorkContext, work_of
from cointrader.settings import Settings
from storage import jobs as queue
from storage import paper_runs
from storage.candles import CandlesMissing
from storage.database import open_database
from storage.errors import DatabaseLocked, StaleAttempt
from storage.order_requests import ask_open, get_order
from storage.paper_runs import PLAYBACK, RUNNING, SLOT, STOPPED, PaperPlan
from storage.runs import get_run
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import kept, store
from tests.cointrader.market import by_hand, head, walk

PLAN = PaperPlan(source=PLAYBACK, strategies=("momentum",))
BTC = walk(600, 1)


@pytest.fixture
def pipe() -> Iterator[ControlPipe]:
    reading, writing = os.pipe()
    yield ControlPipe(reading)
    os.close(writing)


@pytest.fixture
def claimed(
    workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe
) -> Callable[[], WorkContext]:
    """Claims the next job of a run, as a worker does."""
    worker = queue.register_worker(connection, cpu_slots=0, gpu_slots=0)

    def claim() -> WorkContext:
        job = queue.claim(connection, worker, {SLOT: 1}, 60.0)
        assert job is not None and job.kind == "paper"
        return WorkContext(workspace, connection, Settings(), job, pipe)

    return claim


def run_of(connection: sqlite3.Connection) -> int:
    (row,) = paper_runs.list_paper_runs(connection)
    return row.run_id


def during(monkeypatch: pytest.MonkeyPatch, moments: int, act: Callable[[], object]) -> None:
    """Do something once a run has decided on so many moments; it decides on ten at a time, at most."""
    real = paper_job.PaperEngine.advance
    seen = [0]

    def advance(engine: paper_job.PaperEngine, *, until_ms: int | None = None) -> object:
        left = moments - seen[0]
        done = real(engine, until_ms=until_ms, limit=min(10, left) if left > 0 else 10)
        before, seen[0] = seen[0], seen[0] + done.moments
        if before < moments <= seen[0]:
            act()
        return done

    monkeypatch.setattr(paper_job.PaperEngine, "advance", advance)


def whole(workspace: Workspace, connection: sqlite3.Connection, pipe: ControlPipe) -> object:
    """What the run leaves when nothing happens to it."""
    other = Workspace(workspace.root.parent / "whole").create()
    with closing(open_database(other)) as opened:
        store(other, opened, BTC)
        paper_runs.ask_start(opened, PLAN)
        job = queue.claim(opened, 1, {SLOT: 1}, 60.0)
        assert job is not None
        paper_job.paper(WorkContext(other, opened, Settings(), job, pipe))
        return kept(opened, run_of(opened))


def test_a_playback_runs_to_its_end_and_is_measured(
    workspace: Workspace, connection: sqlite3.Connection, claimed: Callable[[], WorkContext]
) -> None:
    store(workspace, connection, BTC)
    paper_runs.ask_start(connection, PLAN)
    context = claimed()
    assert work_of("paper")(context) == {"run_id": run_of(connection), "state": "stopped"}
    assert context.succeeded
    run = get_run(connection, run_of(connection))
    assert run is not None
    assert (run.kind, run.provenance, run.state, run.bars) == ("playback", "playback", "succeeded", 600)
    assert run.metrics["trades"] == run.positions > 5
    assert sum(run.metrics["rejections_by_reason"].values()) == run.rejections
    assert run.ended_ms is not None


def test_a_paused_run_ends_its_job_and_resumed_goes_on_to_the_same_end(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    pipe: ControlPipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    expected = whole(workspace, connection, pipe)
    paper_runs.ask_start(connection, PLAN)
    during(monkeypatch, 300, lambda: paper_runs.pause(connection))
    first = claimed()
    assert paper_job.paper(first)["state"] == "paused"
    assert paper_runs.job_of(connection, run_of(connection)) is None
    assert len(kept(connection, run_of(connection)).marks) == 300
    assert paper_runs.resume(connection).state == RUNNING
    paper_runs.resume(connection)
    second = claimed()
    assert queue.list_jobs(connection, states=queue.CLAIMABLE) == [], "resumed twice, there is one job"
    assert paper_job.paper(second)["state"] == "stopped"
    assert kept(connection, run_of(connection)) == expected


def test_a_run_that_is_stopped_closes_what_is_open(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted.register(monkeypatch)
    store(workspace, connection, scripted.script(by_hand([(100.0, 101.0, 99.0, 100.0)] * 40), {1: 7.0}))
    paper_runs.ask_start(connection, replace(PLAN, strategies=("scripted",)))
    during(monkeypatch, 10, lambda: paper_runs.stop(connection))
    assert paper_job.paper(claimed())["state"] == "stopped"
    rows = connection.execute("SELECT state, exit_reason, exit_price FROM position").fetchall()
    assert [row[:2] for row in rows] == [("closed", "end_of_data")]
    assert len(kept(connection, run_of(connection)).marks) == 10
    with pytest.raises(paper_runs.PaperRunEnded):
        paper_runs.resume(connection, run_of(connection))


def test_a_paused_run_can_be_stopped(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    paper_runs.ask_start(connection, PLAN)
    during(monkeypatch, 300, lambda: paper_runs.pause(connection))
    paper_job.paper(claimed())
    paper_runs.stop(connection)
    paper_job.paper(claimed())
    assert paper_runs.state_of(connection, run_of(connection)) == STOPPED
    assert {row[3] for row in kept(connection, run_of(connection)).trades} == {"closed"}


def test_a_cancelled_job_leaves_a_run_that_can_be_resumed(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    pipe: ControlPipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    expected = whole(workspace, connection, pipe)
    job_id = paper_runs.ask_start(connection, PLAN)
    during(monkeypatch, 100, lambda: queue.request_cancel(connection, job_id))
    context = claimed()
    with pytest.raises(JobCancelled):
        paper_job.paper(context)
    queue.finish(connection, job_id, context.job.attempt, "cancelled")
    assert paper_runs.state_of(connection, run_of(connection)) == "paused"
    paper_runs.resume(connection)
    paper_job.paper(claimed())
    assert kept(connection, run_of(connection)) == expected


def test_a_job_that_is_handed_back_goes_on_with_the_run_it_began(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    pipe: ControlPipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    expected = whole(workspace, connection, pipe)
    job_id = paper_runs.ask_start(connection, PLAN)
    first = claimed()
    own = ControlPipe(-1)
    during(monkeypatch, 100, own.ask)
    with pytest.raises(JobInterrupted):
        paper_job.paper(replace(first, control=own))
    queue.interrupt(connection, job_id, first.job.attempt)
    assert paper_runs.state_of(connection, run_of(connection)) == RUNNING
    second = claimed()
    assert (second.job.id, second.arguments["run_id"]) == (job_id, run_of(connection))
    paper_job.paper(second)
    assert kept(connection, run_of(connection)) == expected


def test_a_process_whose_job_was_taken_over_writes_nothing_more(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    job_id = paper_runs.ask_start(connection, PLAN)
    context = claimed()
    during(monkeypatch, 100, lambda: queue.interrupt(connection, job_id, context.job.attempt))
    with pytest.raises(StaleAttempt):
        paper_job.paper(context)
    assert len(kept(connection, run_of(connection)).marks) == 100
    assert paper_runs.state_of(connection, run_of(connection)) == RUNNING


def test_after_trouble_with_the_database_the_run_is_read_again(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    pipe: ControlPipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    expected = whole(workspace, connection, pipe)
    paper_runs.ask_start(connection, PLAN)
    monkeypatch.setattr(paper_job, "TROUBLE_SECONDS", 0.0)
    real, calls = paper_runs.save_progress, [0]

    def locked(*arguments: object, **values: object) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise DatabaseLocked("held by another")
        real(*arguments, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(paper_runs, "save_progress", locked)
    paper_job.paper(claimed())
    assert calls[0] > 2
    assert kept(connection, run_of(connection)) == expected


def test_a_bar_that_could_not_have_happened_lets_the_run_wait_and_says_why(
    workspace: Workspace, connection: sqlite3.Connection, claimed: Callable[[], WorkContext]
) -> None:
    close = BTC.close.copy()
    close[50] = np.nan
    store(workspace, connection, replace(head(BTC, 600), close=close))
    paper_runs.ask_start(connection, PLAN)
    with pytest.raises(ValueError, match="BTC/USDT: the bar that closed at"):
        paper_job.paper(claimed())
    row = paper_runs.get_paper_run(connection, run_of(connection))
    assert row.state == "paused"
    assert "close nan" in row.error
    assert kept(connection, row.run_id).marks == []


def test_an_order_waits_while_the_run_is_paused_and_is_decided_when_it_goes_on(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, by_hand([(100.0, 101.0, 99.0, 100.0)] * 40))
    paper_runs.ask_start(connection, PLAN)
    during(monkeypatch, 20, lambda: paper_runs.pause(connection))
    paper_job.paper(claimed())
    order = ask_open(connection, "BTC/USDT", "long", notional=500.0)
    paper_runs.resume(connection)
    assert get_order(connection, order).state == "waiting"
    paper_job.paper(claimed())
    assert get_order(connection, order).state == "done"
    assert connection.execute("SELECT origin, state FROM position").fetchall() == [("manual", "closed")]


def test_a_job_that_is_tried_again_beside_the_one_that_has_the_run_leaves_it_alone(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    pipe: ControlPipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    expected = whole(workspace, connection, pipe)
    failed = paper_runs.ask_start(connection, PLAN)
    first = claimed()
    with monkeypatch.context() as patch, pytest.raises(StaleAttempt):
        during(patch, 100, lambda: queue.finish(connection, failed, first.job.attempt, "failed"))
        paper_job.paper(first)
    run_id = run_of(connection)
    paper_runs.resume(connection)
    second = claimed()
    told: list[object] = []

    def again() -> None:
        queue.retry(connection, failed)
        told.append(paper_job.paper(claimed()))

    during(monkeypatch, 50, again)
    assert paper_job.paper(second)["state"] == "stopped"
    assert told == [{"run_id": run_id, "state": "running", "job": second.job.id}]
    assert kept(connection, run_id) == expected


def test_a_playback_says_how_much_is_left_also_after_it_was_handed_back(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(workspace, connection, BTC)
    job_id = paper_runs.ask_start(connection, PLAN)
    first = claimed()
    with monkeypatch.context() as patch, pytest.raises(StaleAttempt):
        during(patch, 100, lambda: queue.interrupt(connection, job_id, first.job.attempt))
        paper_job.paper(first)
    seen = []

    def look() -> None:
        job = queue.get_job(connection, job_id)
        seen.append((job.progress_done, job.progress_total))

    during(monkeypatch, 50, look)
    paper_job.paper(claimed())
    ((done, total),) = seen
    assert 100 < done < 150, "what the first attempt did is counted, what is being done is not yet"
    assert total == 600


def test_a_run_of_nothing_is_refused(
    connection: sqlite3.Connection, claimed: Callable[[], WorkContext]
) -> None:
    paper_runs.ask_start(connection, PLAN)
    with pytest.raises(CandlesMissing, match="import some"):
        paper_job.paper(claimed())
    assert paper_runs.list_paper_runs(connection) == []


def test_the_reward_of_a_close_is_logged_once_it_is_committed(
    workspace: Workspace,
    connection: sqlite3.Connection,
    claimed: Callable[[], WorkContext],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(workspace, connection, BTC)
    paper_runs.ask_start(connection, PLAN)
    real, tries = paper_job.paper_runs.save_progress, []

    def locked(*arguments: object, **values: object) -> None:
        tries.append(connection.execute("SELECT count(*) FROM reward").fetchone()[0])
        if tries[-1] and tries.count(tries[-1]) == 1 and len(set(tries)) == 2:
            raise DatabaseLocked("somebody else writes")
        real(*arguments, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(paper_job.paper_runs, "save_progress", locked)
    monkeypatch.setattr(paper_job, "TROUBLE_SECONDS", 0.0)
    paper_job.paper(claimed())
    said = [line[21:] for line in capsys.readouterr().out.splitlines()]
    assert "somebody else writes" in said
    rows = connection.execute(
        "SELECT r.c_pnl / 10, r.c_time, r.c_risk / 2, r.total FROM reward AS r ORDER BY r.id"
    ).fetchall()
    assert len(rows) > 5
    assert [line for line in said if line.startswith("REWARD CALC")] == [
        f"REWARD CALC: PnL={pnl:.4f}, Time={time:.4f}, Risk={risk:.4f}, Final={total:.4f}"
        for pnl, time, risk, total in rows
    ]
