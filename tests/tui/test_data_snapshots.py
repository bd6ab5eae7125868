"""Pictures of the data screen and of the choice of files; nothing in them depends on time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from storage.workspace import Workspace
from tests.tui.data_rows import data_workspace
from tests.tui.driving import console, loaded, screen_text, until
from tui import health
from tui.screens.data import DataScreen
from tui.screens.data_tables import QuarantineScreen
from tui.widgets.panel import Panel

Snap = Callable[..., bool]
SMALL, LARGE = (80, 24), (160, 50)


@pytest.fixture(autouse=True)
def a_machine_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "device_name", lambda: "CPU")


@pytest.fixture
def stored(tmp_path: Path) -> Workspace:
    return data_workspace(tmp_path)


async def on_the_second_series(pilot: Pilot[None]) -> None:
    """The series with gaps, and what its quality is."""
    screen = pilot.app.screen
    await until(pilot, lambda: isinstance(screen, DataScreen) and "BTC" in screen_text(pilot))
    await until(pilot, lambda: "○" in screen_text(pilot).splitlines()[0], "the health")
    await pilot.press("j")
    await until(pilot, lambda: "126 bars missing" in screen.query_one("#quality", Panel).text)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_data(snap_compare: Snap, stored: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(console(stored, "data"), terminal_size=size, run_before=on_the_second_series)


def test_refused_rows(snap_compare: Snap, stored: Workspace) -> None:
    async def opened(pilot: Pilot[None]) -> None:
        await on_the_second_series(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuarantineScreen))
        await loaded(pilot)
        await until(pilot, lambda: "below the low" in screen_text(pilot))

    assert snap_compare(console(stored, "data"), terminal_size=SMALL, run_before=opened)
