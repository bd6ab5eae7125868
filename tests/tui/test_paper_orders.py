"""Orders by hand in the console: typed, refused at their field, taken or refused by the run."""

from __future__ import annotations

import dataclasses

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from storage import paper_runs
from storage.workspace import Workspace
from tests.tui.driving import loaded, notes, screen_text, until
from tests.tui.paper_driving import (
    LARGE,
    SMALL,
    held,
    panel,
    shown,
    writable,
)
from tests.tui.paper_stepping import PLAN, SteppedRun
from tui.app import CoinTraderApp
from tui.screens.order_form import OrderForm, amount_of
from tui.screens.paper import PaperScreen
from tui.widgets.panel import Panel


async def form_of(app: CoinTraderApp, pilot: Pilot[None]) -> OrderForm:
    await pilot.press("b")
    await until(pilot, lambda: isinstance(app.screen, OrderForm), "the form")
    form = app.screen
    assert isinstance(form, OrderForm)
    await until(pilot, lambda: "of the equity" in form.query_one("#meaning", Panel).text, "what it comes to")
    return form


async def order_of(app: CoinTraderApp, pilot: Pilot[None], size: str, amount: str) -> None:
    """Fills the form and sends it."""
    form = await form_of(app, pilot)
    await pilot.press("down", "down", *(["right"] if size == "notional" else ["right", "right"]))
    form.query_one("#field-amount", Input).value = amount
    await pilot.press("enter")


async def test_an_order_by_hand_waits_is_taken_and_becomes_a_position(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await order_of(app, pilot, "notional", "500")
        await until(pilot, lambda: "waits" in panel(app, "orders"))
        assert "buy BTC/USDT for 500.00" in panel(app, "orders")
        run.orders()
        await until(pilot, lambda: "accepted, filled at the next open" in notes(pilot))
        await until(pilot, lambda: "done" in panel(app, "orders"))
        assert "waits" not in panel(app, "orders")
        run.bars(1)
        await until(pilot, lambda: "BTC/USDT" in held(app))
        [(notional,)] = run.connection.execute("SELECT notional FROM position").fetchall()
        assert notional == pytest.approx(500.0, rel=1e-3)


async def test_an_order_that_the_run_refuses_says_why_on_any_screen(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await order_of(app, pilot, "quantity", "90")
        await until(pilot, lambda: "waits" in panel(app, "orders"))
        await pilot.press("2")
        await until(pilot, lambda: not isinstance(app.screen, PaperScreen))
        run.orders()
        await until(pilot, lambda: "Order too large" in notes(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "refused" in panel(app, "orders"))
        assert "buy BTC/USDT 90: Order too large: 89.10 % of equity" in panel(app, "orders")


@pytest.mark.parametrize("typed", ["", "much", "-3", "0", "nan", "inf"])
async def test_a_size_that_is_no_size_is_refused_at_its_field(
    workspace: Workspace, run: SteppedRun, typed: str
) -> None:
    assert amount_of(typed)[1]
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        await order_of(app, pilot, "notional", typed)
        await until(pilot, lambda: "must be a number above 0" in screen_text(pilot))
        form = app.screen
        assert isinstance(form, OrderForm) and form.focused is form.query_one("#field-amount")
        assert run.states == []


async def test_the_form_says_what_the_size_comes_to(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        words = form.query_one("#meaning", Panel).text
        assert "BTC/USDT closed last at 2024-01-01 00:15 at 99.0000." in words
        assert "10.1010 BTC for 1,000.00 USDT, 10.0 % of the equity" in " ".join(words.split())
        assert "more than" not in words
        assert "1 position a symbol" in " ".join(words.split())
        await pilot.press("right")
        await until(pilot, lambda: "ETH/USDT closed last" in form.query_one("#meaning", Panel).text)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PaperScreen))
        assert run.states == []


async def test_an_order_for_a_paused_run_says_that_it_waits(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    paper_runs.pause(run.connection)
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        assert f"Run {run.run_id} is paused: the order waits" in form.query_one("#meaning", Panel).text
        await pilot.press("enter")
        await until(pilot, lambda: "it decides once it goes on" in notes(pilot))


async def test_a_size_over_the_limit_of_the_run_is_told_before_it_is_sent(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        await pilot.press("down", "down", "right")
        form.query_one("#field-amount", Input).value = "99999"
        words = form.query_one("#meaning", Panel)
        await until(pilot, lambda: "more than the run allows" in " ".join(words.text.split()))


async def test_what_a_run_has_closed_is_shown_from_its_palette(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        offered = {title: call for title, _, call in app.screen.palette()}  # type: ignore[attr-defined]
        offered[f"Positions of paper run {run.run_id}"]()
        table = await loaded(pilot)
        assert table.wish.filter == f"run:{run.run_id}"


async def test_an_order_says_that_it_waits_for_another_process(
    workspace: Workspace, run: SteppedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.SLOW_SECONDS", 0.05)
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        run.connection.execute("BEGIN IMMEDIATE")
        await pilot.press("p")
        await until(pilot, lambda: "Another process is writing to the database" in notes(pilot))
        run.connection.execute("ROLLBACK")
        await until(pilot, lambda: "paused" in screen_text(pilot))


async def test_of_several_runs_one_is_chosen(workspace: Workspace, run: SteppedRun) -> None:
    plan = dataclasses.replace(PLAN, symbols=("ETH/USDT",))
    other = SteppedRun(workspace, run.connection, plan=plan)
    other.bars(1)
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        assert form.wish().run_id == other.run_id and form.wish().symbol == "ETH/USDT"
        await pilot.press("up", "right")
        await until(pilot, lambda: form.wish().run_id == run.run_id)
        await pilot.press("down", "left")
        assert form.wish().symbol == "BTC/USDT"


@pytest.mark.parametrize("screen", ["signals", "positions"])
async def test_an_order_is_given_from_signals_and_positions_too(
    workspace: Workspace, run: SteppedRun, screen: str
) -> None:
    app = writable(workspace, screen)
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        await until(pilot, lambda: bool(getattr(app.screen, "runs_to_order", ())), "the runs")
        await order_of(app, pilot, "notional", "500")
        await until(pilot, lambda: run.states == [("waiting", "")])
        run.orders()
        await until(pilot, lambda: "accepted, filled at the next open" in notes(pilot))


@pytest.mark.parametrize("screen", ["signals", "positions"])
async def test_without_a_run_an_order_is_impossible_and_says_why(trading: Workspace, screen: str) -> None:
    app = writable(trading, screen)
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "no paper run goes on; P starts one" in notes(pilot))


async def test_the_palette_orders_from_any_screen(workspace: Workspace, run: SteppedRun) -> None:
    from tui.palette import ConsoleCommands

    app = writable(workspace, "train")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app.data_version > 0)
        offered = {title: call for title, _, call in ConsoleCommands(app.screen).commands()}
        offered["Order by hand"]()
        await until(pilot, lambda: isinstance(app.screen, OrderForm), "the form")
