"""Pictures of paper trading at a small and at a large size; nothing depends on time."""

from __future__ import annotations

import dataclasses

import pytest

from cointrader.settings import Settings
from storage.order_requests import ask_close, ask_open
from tests.tui.driving import console, loaded, until
from tests.tui.paper_stepping import SteppedRun, market
from tests.tui.training_rows import FIRST_MS
from tui import health
from tui.screens.order_form import OrderForm
from tui.screens.paper import PaperScreen
from tui.screens.paper_form import PaperForm
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

SIZES = [(80, 24), (160, 50)]


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is that of no particular machine."""
    monkeypatch.setattr(health, "device_name", lambda: "CPU")


@pytest.fixture
def traded(workspace, connection) -> SteppedRun:
    """A run that holds three positions, one of which leaves, with orders taken, refused and waiting."""
    run = SteppedRun(workspace, connection, market(), market("ETH/USDT", 10.0), market("ADA/USDT", 0.004))
    run.bars(42)
    for symbol, side in (("BTC/USDT", "long"), ("ETH/USDT", "short"), ("ADA/USDT", "long")):
        ask_open(connection, symbol, side, notional=600.0)
        run.orders()
        run.bars(2)
    ask_open(connection, "ADA/USDT", "long", notional=9_000.0)
    ask_close(connection, 1)
    run.orders()
    ask_close(connection, 2)
    connection.execute("UPDATE order_request SET created_ms = ?1, done_ms = ?1", (FIRST_MS,))
    return run


async def settled(app, pilot) -> None:
    await until(pilot, lambda: isinstance(app.screen, PaperScreen) and "3 open" in title(app))
    await until(pilot, lambda: "refused" in app.screen.query_one("#orders", Panel).text)
    await pilot.pause()


def title(app) -> str:
    return str(app.screen.query_one("#open", RecordList).border_title)


@pytest.mark.parametrize("size", SIZES)
def test_paper(snap_compare, workspace, traded, size):
    app = console(workspace, "paper", read_only=False)

    async def shown(pilot):
        await settled(app, pilot)

    assert snap_compare(app, terminal_size=size, run_before=shown)


def test_paper_in_ascii_without_colour(snap_compare, workspace, traded, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    settings = Settings(console=dataclasses.replace(Settings().console, symbols="ascii"))
    app = console(workspace, "paper", settings=settings)

    async def shown(pilot):
        await settled(app, pilot)

    assert snap_compare(app, terminal_size=(100, 30), run_before=shown)


@pytest.mark.parametrize("size", SIZES)
def test_order_form(snap_compare, workspace, traded, size):
    app = console(workspace, "paper", read_only=False)

    async def opened(pilot):
        await settled(app, pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, OrderForm))
        await until(pilot, lambda: "the equity" in app.screen.query_one("#meaning", Panel).text)

    assert snap_compare(app, terminal_size=size, run_before=opened)


@pytest.mark.parametrize("size", SIZES)
def test_start_form(snap_compare, workspace, traded, size):
    app = console(workspace, "paper", read_only=False)

    async def opened(pilot):
        await settled(app, pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, PaperForm))
        await pilot.press("right")
        await until(pilot, lambda: "At this speed" in app.screen.query_one("#meaning", Panel).text)

    assert snap_compare(app, terminal_size=size, run_before=opened)


@pytest.mark.parametrize("size", SIZES)
def test_positions_with_what_is_open(snap_compare, workspace, traded, size):
    app = console(workspace, "positions", read_only=False)

    async def shown(pilot):
        await loaded(pilot)
        await until(pilot, lambda: "3 open" in title(app))
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=shown)


@pytest.mark.parametrize("size", SIZES)
def test_paper_without_a_run(snap_compare, workspace, size):
    app = console(workspace, "paper", read_only=False)

    async def shown(pilot):
        await until(pilot, lambda: isinstance(app.screen, PaperScreen))
        await until(pilot, lambda: "No paper run" in app.screen.query_one("#empty", Panel).text)

    assert snap_compare(app, terminal_size=size, run_before=shown)
