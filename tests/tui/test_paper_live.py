"""Paper trading from the console with a real worker: begun, ordered in, paused, gone on with, stopped."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from textual.widgets import Input

from storage import paper_runs
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import store
from tests.cointrader.market import walk
from tests.tui.driving import console, notes, screen_text, until
from tui import launch
from tui.dialogs.confirm import ConfirmDialog
from tui.screens.order_form import OrderForm
from tui.screens.paper import PaperScreen
from tui.screens.paper_form import PaperForm
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList


@pytest.fixture
def worker(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the test's own, which ends with it; the console finds it alive and starts no other."""
    command = [sys.executable, "-P", "-m", "cointrader", "worker", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=workspace.root)
    monkeypatch.setattr(launch, "ensure_worker", lambda _workspace: None)
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait()


@pytest.mark.slow
async def test_a_playback_is_steered_from_its_start_to_its_end(
    workspace: Workspace, connection: sqlite3.Connection, worker: subprocess.Popen[bytes]
) -> None:
    store(workspace, connection, walk(2_000, 1))
    app = console(workspace, "paper", read_only=False)

    def one(query: str) -> Any:
        return connection.execute(query).fetchone()

    def front(cls: type[object]) -> bool:
        return isinstance(app.screen, cls)

    def held() -> str:
        return app.screen.query_one("#open", RecordList).text if front(PaperScreen) else ""

    def orders() -> str:
        return app.screen.query_one("#orders", Panel).text if front(PaperScreen) else ""

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.data_version > 0)
        await pilot.press("s")
        await until(pilot, lambda: front(PaperForm))
        await until(pilot, lambda: "2,000 bars" in app.screen.query_one("#meaning", Panel).text)
        await pilot.press("right")
        app.screen.query_one("#field-speed", Input).value = "6000"
        app.screen.query_one("#field-strategies", Input).value = "mean_bot"
        await pilot.press("enter")
        await until(pilot, lambda: "● running" in screen_text(pilot), "the run")
        await until(pilot, lambda: one("SELECT max(bars) FROM trading_run")[0] > 3, "bars")

        await pilot.press("b")
        await until(pilot, lambda: front(OrderForm))
        await pilot.press("enter")
        await until(pilot, lambda: "accepted, filled at the next open" in notes(pilot), "the order")
        await until(pilot, lambda: "BTC/USDT" in held(), "the position")

        await pilot.press("p")
        await until(pilot, lambda: "○ paused" in screen_text(pilot), "the pause")
        await until(
            pilot, lambda: one("SELECT count(*) FROM job WHERE state = 'running'")[0] == 0, "the rest"
        )
        bars = one("SELECT max(bars) FROM trading_run")[0]
        await pilot.press("x")
        await until(pilot, lambda: front(ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: "waits" in orders(), "the order that waits")
        assert one("SELECT max(bars) FROM trading_run")[0] == bars

        await pilot.press("p")
        await until(pilot, lambda: "leaves at the next open" in orders(), "the close")
        await until(pilot, lambda: one("SELECT count(*) FROM position WHERE state = 'closed'")[0] == 1)
        [(origin, reason)] = connection.execute("SELECT origin, exit_reason FROM position WHERE id = 1")
        assert (origin, reason) == ("manual", "manual")

        await pilot.press("X")
        await until(pilot, lambda: front(ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: "○ stopped" in screen_text(pilot), "the end")
        [row] = paper_runs.list_paper_runs(connection)
        assert (row.state, row.source, row.speed, row.strategies) == (
            "stopped",
            "playback",
            6000.0,
            ("mean_bot",),
        )
        assert one("SELECT count(*) FROM position WHERE state <> 'closed'")[0] == 0
