"""Pictures of the tables and of a chain, at a small and at a large size; nothing in them depends on time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from storage.workspace import Workspace
from tests.tui.driving import console, loaded, screen_text, until
from tui import health
from tui.widgets.panel import Panel
from tui.widgets.rule_sums import RuleSums

Snap = Callable[..., bool]
Drive = Callable[[Pilot[None]], Awaitable[None]]
SMALL, LARGE = (80, 24), (160, 50)


@pytest.fixture(autouse=True)
def a_machine_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "device_name", lambda: "CPU")


async def settled(pilot: Pilot[None]) -> None:
    """The rows, the count, the health, and the chain of the first row where there is a pane for it."""
    await loaded(pilot)
    await until(pilot, lambda: "CPU" in screen_text(pilot).splitlines()[0], "the health")
    pane = pilot.app.screen.query_one("#pane")
    await until(
        pilot, lambda: not pane.display or "learned" in pilot.app.screen.query_one("#why", Panel).text
    )


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_positions(snap_compare: Snap, trading: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(console(trading, "positions"), terminal_size=size, run_before=settled)


def test_signals_with_a_filter_that_has_an_error(snap_compare: Snap, trading: Workspace) -> None:
    async def filtered(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("slash", *"side:long")
        await until(pilot, lambda: "filter: side:long" in screen_text(pilot))
        await pilot.press("space", *"pnl>x")
        await until(pilot, lambda: "^" in screen_text(pilot))
        # A cursor that blinks is in every second picture only.
        pilot.app.screen.query_one("FilterInput").cursor_blink = False  # type: ignore[attr-defined]

    assert snap_compare(console(trading, "signals"), terminal_size=SMALL, run_before=filtered)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_rejections(snap_compare: Snap, trading: Workspace, size: tuple[int, int]) -> None:
    async def counted(pilot: Pilot[None]) -> None:
        await settled(pilot)
        rules = pilot.app.screen.query_one(RuleSums)
        await until(pilot, lambda: rules.option_count > 1)

    assert snap_compare(console(trading, "rejections"), terminal_size=size, run_before=counted)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_chain_of_a_position(snap_compare: Snap, trading: Workspace, size: tuple[int, int]) -> None:
    async def opened(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: "Chain of position" in screen_text(pilot))
        await until(pilot, lambda: "normalized" in pilot.app.screen.query_one("#stages", Panel).text)

    assert snap_compare(console(trading, "positions"), terminal_size=size, run_before=opened)
