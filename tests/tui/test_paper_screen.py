"""Paper trading on the screen: what a run holds and does, and every key that steers it."""

from __future__ import annotations

import sqlite3

import pytest

from storage import jobs, paper_runs
from storage.order_requests import ask_open
from storage.workspace import Workspace
from tests.tui.driving import console, notes, screen_text, until
from tests.tui.paper_driving import (
    LARGE,
    SMALL,
    asked,
    held,
    open_by_hand,
    panel,
    shown,
    writable,
)
from tests.tui.paper_stepping import PLAN, SteppedRun
from tui.screens.chain import ChainScreen
from tui.screens.paper import PaperScreen
from tui.widgets.chart.chart import Chart
from tui.widgets.record_list import RecordList


async def test_without_a_run_it_says_how_one_is_started(workspace: Workspace) -> None:
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "No paper run yet" in panel(app, "empty"))
        assert "s  starts one" in screen_text(pilot) and "no bar yet" not in screen_text(pilot)
        words = panel(app, "empty")
        assert "at the next open with fees" in " ".join(words.split()) and "next\nopen" not in words
        await pilot.press("X")
        await until(pilot, lambda: "there is no run; s starts one" in notes(pilot))


async def test_a_start_that_failed_says_why(workspace: Workspace, connection: sqlite3.Connection) -> None:
    job = paper_runs.ask_start(connection, PLAN)
    worker = jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
    claimed = jobs.claim(connection, worker, {paper_runs.SLOT: 1}, 60.0)
    assert claimed is not None
    jobs.finish(connection, job, claimed.attempt, jobs.FAILED, error="no candles are stored")
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: f"job {job} could not begin a run" in panel(app, "empty"))
        assert "no candles are stored" in screen_text(pilot)
        assert "starts one" not in screen_text(pilot)


async def test_account_positions_and_decisions_follow_the_run(workspace: Workspace, run: SteppedRun) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot, "10,000.00")
        assert "running" in screen_text(pilot) and "playback ×600" in screen_text(pilot)
        assert "last bar 2024-01-01 00:15" in screen_text(pilot)
        assert held(app) == "nothing is open"
        await open_by_hand(run, app, pilot, "BTC/USDT")
        # 500 / 99 bought at 99 x 1.0002, at 103 now; the fee is a thousandth.
        assert "99.0198" in held(app) and "+19.60 ▲" in held(app) and "+3.92" in held(app)
        await until(pilot, lambda: "by hand" in panel(app, "decisions"))
        assert "accepted at 99.0000" in panel(app, "decisions")
        assert "10,019.60" in panel(app, "account") and "open 1/5" in panel(app, "account")
        assert app.screen.query_one("#equity", Chart).series
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChainScreen), "the chain")


async def test_a_rejected_signal_says_why(workspace: Workspace, run: SteppedRun) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        run.bars(60)
        await until(pilot, lambda: "Confidence too low" in panel(app, "decisions"))
        assert "✗" in panel(app, "decisions") and "momentum" in panel(app, "decisions")


async def test_a_run_whose_worker_is_gone_is_not_called_running(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        run.connection.execute("UPDATE worker SET boot_id = 'another boot'")
        await until(pilot, lambda: "no answer" in screen_text(pilot))
        assert "its worker is presumed dead" in panel(app, "account")
        assert "running" not in screen_text(pilot)


async def test_for_how_long_a_worker_is_silent_is_told_although_nothing_is_committed(
    workspace: Workspace, run: SteppedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.paper.LOOK_SECONDS", 0.1)
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        run.connection.execute("UPDATE worker SET heartbeat_ns = heartbeat_ns - 15000000000")
        await until(pilot, lambda: "has been silent for" in panel(app, "account"))
        before = panel(app, "account").splitlines()[0]
        await until(pilot, lambda: panel(app, "account").splitlines()[0] != before, "a later second")
        assert "has been silent for" in panel(app, "account")


async def test_a_run_that_nobody_goes_on_with_can_be_taken_up(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    run.connection.execute("UPDATE job SET state = 'failed'")
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot, "nobody goes on with it; p goes on")
        await pilot.press("p")
        await until(pilot, lambda: bool(workers), "a worker")
        [job] = jobs.list_jobs(run.connection, states=[jobs.QUEUED])
        assert job.arguments == {"run_id": run.run_id}
        await shown(app, pilot, f"job {job.id} waits for a")
        run.connection.execute("UPDATE job SET state = 'interrupted' WHERE id = ?", (job.id,))
        run.connection.execute("UPDATE worker SET state = 'stopped'")
        await shown(app, pilot, "no worker is alive, p starts one")
        await until(pilot, lambda: "p go on" in screen_text(pilot))
        await pilot.press("p")
        await until(pilot, lambda: len(workers) == 2, "another worker")
        assert run.row.state == "running"
        assert not jobs.list_jobs(run.connection, states=[jobs.QUEUED])


async def test_a_run_that_stopped_on_an_error_says_which(workspace: Workspace, run: SteppedRun) -> None:
    paper_runs.rest(run.connection, run.run_id, "BTC/USDT: the bar is nan")
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot, "BTC/USDT: the bar is nan; p goes on with it")
        assert "paused" in screen_text(pilot)


async def test_a_long_error_is_told_to_its_end_as_it_says_what_to_do(
    workspace: Workspace, run: SteppedRun
) -> None:
    lost = "candles/BTC_USDT-5m-79356516e63d94ee.parquet: cannot be read: No such file or directory"
    paper_runs.rest(run.connection, run.run_id, f"{lost}; import binance_BTC_USDT_5m_2024.csv.gz again")
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        await until(pilot, lambda: "again; p goes on with it" in " ".join(screen_text(pilot).split()))
        assert "exposure" in screen_text(pilot) and "limits" in screen_text(pilot)


# Steering


async def test_a_run_rests_and_goes_on(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await pilot.press("p")
        await until(pilot, lambda: "paused" in screen_text(pilot))
        assert run.row.state == "paused" and not workers
        await until(pilot, lambda: "p go on" in screen_text(pilot), "what p does now")
        await pilot.press("p")
        await until(pilot, lambda: "● running" in screen_text(pilot))
        await until(pilot, lambda: "It goes on where it rested." in notes(pilot))
        await until(pilot, lambda: "p pause" in screen_text(pilot))
        assert run.row.state == "running" and workers == [workspace]


async def test_a_run_is_stopped_only_after_a_yes_that_knows_what_is_held(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await open_by_hand(run, app, pilot, "BTC/USDT")
        question = await asked(app, pilot, "X")
        assert f"Stop paper run {run.run_id}?" in question
        assert "Its open position is closed at the last close" in question
        assert "BTC/USDT long  +19.60" in question
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PaperScreen))
        assert run.row.state == "running"
        await asked(app, pilot, "X")
        await pilot.press("y")
        await until(pilot, lambda: "stopping" in screen_text(pilot))
        assert run.row.state == "stopping" and workers == [workspace]
        run.end()
        await until(pilot, lambda: "profit factor" in panel(app, "account"))
        assert "stopped" in screen_text(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "no paper run goes on; s starts one" in notes(pilot))


async def test_one_position_is_closed_by_its_name(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await pilot.press("x")
        await until(pilot, lambda: "no open position under the cursor" in notes(pilot))
        await open_by_hand(run, app, pilot, "BTC/USDT")
        await open_by_hand(run, app, pilot, "ETH/USDT")
        app.screen.query_one("#open", RecordList).select(1)
        question = await asked(app, pilot, "x")
        assert "Close position 1, BTC/USDT long" in question and "It leaves at the next open" in question
        await pilot.press("y")
        await until(pilot, lambda: "waits" in panel(app, "orders"))
        run.orders()
        await until(pilot, lambda: "leaves at the next open" in notes(pilot))
        await until(pilot, lambda: "leaves" in held(app))
        await pilot.press("x")
        await until(pilot, lambda: "leaves at the next open already" in notes(pilot))
        run.bars(1)
        await until(pilot, lambda: "BTC/USDT" not in held(app))
        assert "ETH/USDT" in held(app)


async def test_everything_is_closed_after_a_question_that_counts(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await pilot.press("A")
        await until(pilot, lambda: "nothing is open and nothing is ordered" in notes(pilot))
        await open_by_hand(run, app, pilot, "BTC/USDT")
        await open_by_hand(run, app, pilot, "ETH/USDT")
        question = await asked(app, pilot, "A")
        assert f"Close all of run {run.run_id}: 2 open positions?" in question
        assert "BTC/USDT long" in question and "ETH/USDT long" in question
        await pilot.press("y")
        await until(pilot, lambda: "1 waiting" in str(app.screen.query_one("#orders").border_title))
        run.orders()
        run.bars(1)
        await until(pilot, lambda: held(app) == "nothing is open")
        assert run.states[-1] == ("done", "2 positions leave at the next open")


async def test_what_is_ordered_and_not_filled_can_be_withdrawn(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        ask_open(run.connection, "BTC/USDT", "short", notional=500.0)
        run.orders()
        await until(pilot, lambda: "filled at the next open" in panel(app, "decisions"))
        assert "1 ordered" in screen_text(pilot)
        assert "1 order not filled yet" in await asked(app, pilot, "A")


async def test_other_runs_are_a_key_away(workspace: Workspace, run: SteppedRun) -> None:
    other = SteppedRun(workspace, run.connection)
    app = console(workspace, "paper")
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        assert f"run {other.run_id}" in screen_text(pilot) and "2 runs go on" in screen_text(pilot)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: f"run {run.run_id} " in screen_text(pilot))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: f"run {other.run_id} " in screen_text(pilot))
