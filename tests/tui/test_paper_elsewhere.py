"""Paper trading beside its own screen: open positions, a console that only reads, the form that starts."""

from __future__ import annotations

import sqlite3

import pytest
from textual.widgets import Input

from storage import jobs, paper_runs
from storage.paper_runs import PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import store
from tests.tui.driving import console, loaded, notes, screen_text, until
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
from tests.tui.paper_stepping import SteppedRun, market
from tui.screens.paper import PaperScreen
from tui.screens.paper_form import PaperForm
from tui.widgets.panel import Panel

# Positions


async def test_what_is_open_stands_over_all_positions_and_is_closed_there(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace, "positions")
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        assert not app.screen.query_one("#open").display
        await open_by_hand(run, app, pilot, "BTC/USDT")
        assert app.screen.query_one("#open").display
        assert "1 open, +19.60 ▲ unrealised" in screen_text(pilot)
        run.bars(1)
        await until(pilot, lambda: "104.00" in held(app))
        assert "Close position 1, BTC/USDT long" in await asked(app, pilot, "x")
        await pilot.press("y")
        await until(pilot, lambda: run.states[-1] == ("waiting", ""))
        run.orders()
        run.bars(1)
        await until(pilot, lambda: not app.screen.query_one("#open").display)


async def test_the_open_position_under_the_cursor_of_the_table_is_meant_first(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace, "positions")
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        await open_by_hand(run, app, pilot, "BTC/USDT")
        await open_by_hand(run, app, pilot, "ETH/USDT")
        await pilot.press("r")
        table = await loaded(pilot)
        await until(pilot, lambda: table.pages.count == 2, "both positions")
        await until(pilot, lambda: table.current_row() is not None)
        for _ in range(2):
            row = table.current_row()
            assert row is not None
            assert f"Close position {row[-1]}," in await asked(app, pilot, "x")
            await pilot.press("n", "j")


# Reading only


@pytest.mark.parametrize("key", ["s", "p", "X", "b", "x", "A"])
async def test_nothing_is_changed_by_a_console_that_may_only_read(
    workspace: Workspace, run: SteppedRun, key: str
) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: "--read-only" in notes(pilot))
        assert isinstance(app.screen, PaperScreen)
        assert run.states == [] and run.row.state == "running"


# The form that starts a run


async def test_the_form_queues_what_the_command_would(
    workspace: Workspace, connection: sqlite3.Connection, workers: list[Workspace]
) -> None:
    store(workspace, connection, market(), market("ETH/USDT", 10.0))
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "No paper run yet" in panel(app, "empty"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, PaperForm), "the form")
        form = app.screen
        await until(pilot, lambda: "80 bars" in form.query_one("#meaning", Panel).text, "what is stored")
        await pilot.press("right")
        form.query_one("#field-speed", Input).value = "60"
        form.query_one("#field-symbols", Input).value = "btcusdt"
        form.query_one("#field-strategies", Input).value = "momentum"
        form.query_one("#field-params", Input).value = "fast=5"
        form.query_one("#field-since", Input).value = "2024-01-01T02:00"
        await pilot.press("enter")
        await until(pilot, lambda: workers == [workspace], "a worker")
        [job] = jobs.list_jobs(connection)
        plan = paper_runs.plan_of(job.arguments)
        assert plan == PaperPlan(
            source=PLAYBACK,
            speed=60.0,
            strategies=("momentum",),
            symbols=("BTC/USDT",),
            since=1_704_074_400_000,
            params={"momentum": {**plan.params["momentum"], "fast": 5}},  # type: ignore[index]
        )
        await until(pilot, lambda: f"job {job.id}" in panel(app, "empty"))


async def test_a_run_that_could_not_begin_is_refused_at_its_field(
    workspace: Workspace, connection: sqlite3.Connection, workers: list[Workspace]
) -> None:
    store(workspace, connection, market())
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "No paper run yet" in panel(app, "empty"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, PaperForm), "the form")
        form = app.screen
        await until(pilot, lambda: "80 bars" in form.query_one("#meaning", Panel).text, "what is stored")
        form.query_one("#field-since", Input).value = "yesterday"
        await pilot.press("enter")
        await until(pilot, lambda: "must be start, now, or a time" in notes(pilot))
        assert app.screen is form and form.focused is form.query_one("#field-since")
        assert jobs.list_jobs(connection) == [] and not workers
