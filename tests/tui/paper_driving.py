"""A paper run under a console: what tests press and read."""

from __future__ import annotations

from textual.pilot import Pilot

from storage.order_requests import ask_open
from storage.workspace import Workspace
from tests.tui.driving import console, screen_text, until
from tests.tui.paper_stepping import SteppedRun
from tui.app import CoinTraderApp
from tui.dialogs.confirm import ConfirmDialog
from tui.screens.paper import PaperScreen
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

LARGE = (120, 40)
SMALL = (80, 24)


def writable(workspace: Workspace, screen: str = "paper") -> CoinTraderApp:
    return console(workspace, screen, read_only=False)


def panel(app: CoinTraderApp, name: str) -> str:
    return app.screen.query_one(f"#{name}", Panel).text


def held(app: CoinTraderApp) -> str:
    return app.screen.query_one("#open", RecordList).text


async def shown(app: CoinTraderApp, pilot: Pilot[None], words: str = "equity") -> None:
    await until(
        pilot, lambda: isinstance(app.screen, PaperScreen) and words in panel(app, "account"), "the account"
    )


async def asked(app: CoinTraderApp, pilot: Pilot[None], key: str) -> str:
    """Presses a key that asks; the question and what follows."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ConfirmDialog), f"the question of {key}")
    return screen_text(pilot)


async def open_by_hand(run: SteppedRun, app: CoinTraderApp, pilot: Pilot[None], symbol: str) -> None:
    ask_open(run.connection, symbol, "long", notional=500.0)
    run.orders()
    run.bars(2)
    await until(pilot, lambda: symbol in held(app), f"the position in {symbol}")
