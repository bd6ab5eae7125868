"""Driving the console in tests: it is started on a real database, and waited for by what it shows."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.pilot import Pilot

from cointrader.settings import Settings
from storage.workspace import Workspace
from tui.app import CoinTraderApp
from tui.widgets.paged_table import PagedTable

PATIENCE_SECONDS = 20.0


def console(
    workspace: Workspace, screen: str = "signals", *, settings: Settings | None = None, read_only: bool = True
) -> CoinTraderApp:
    """The console over a workspace that is not to be changed, as if it were started for the first time."""
    return CoinTraderApp(
        workspace, settings or Settings(), read_only=read_only, fresh=True, first_screen=screen
    )


async def until(pilot: Pilot[None], condition: Callable[[], bool], what: str = "") -> None:
    """Lets the console work until a condition holds; fails when it does not within a long time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what or condition}"
        await pilot.pause(0.01)
    await pilot.pause()


def table_of(pilot: Pilot[None]) -> PagedTable:
    """The table of the screen in front."""
    return pilot.app.screen.query_one(PagedTable)


async def loaded(pilot: Pilot[None]) -> PagedTable:
    """The table in front once it has its rows and knows how many there are."""
    await until(pilot, lambda: bool(pilot.app.screen.query(PagedTable)), "a table")
    table = table_of(pilot)
    await until(
        pilot, lambda: table.pages.count is not None and not table.is_loading_rows, "the count of the table"
    )
    return table


def screen_text(pilot: Pilot[None]) -> str:
    """What a person reads, line by line."""
    app = pilot.app
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text[:width].rstrip() for strip in lines[:height])


def notes(pilot: Pilot[None]) -> str:
    """The texts of all notifications on the screen."""
    return "\n".join(note.message for note in pilot.app._notifications)
