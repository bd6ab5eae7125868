"""Pictures of what was learned and of what rules saved, small and large; nothing in them depends on time."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

import storage.overview
from storage.database import open_database, transaction
from storage.workspace import Workspace
from tests.tui.driving import console, loaded, screen_text, until
from tests.tui.learned_rows import answer, learned_workspace
from tui import health, phrases
from tui.screens.chain import ChainScreen
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList
from tui.widgets.rule_sums import RulePanel

Snap = Callable[..., bool]
Drive = Callable[[Pilot[None]], Awaitable[None]]
SIZES = [(80, 24), (160, 50)]
NOW_MS = 1_717_400_000_000
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still; disk and device are those of no particular machine."""
    real = storage.overview.overview

    def overview(connection: sqlite3.Connection, **more: Any) -> storage.overview.Overview:
        view = real(connection, **more)
        return dataclasses.replace(view, disk_free_bytes=50_000_000_000, database_bytes=12_000_000)

    monkeypatch.setattr(storage.overview, "overview", overview)
    monkeypatch.setattr(phrases, "now_ms", lambda: float(NOW_MS))
    monkeypatch.setattr(health, "device_name", lambda: "CPU")


@pytest.fixture
def learned(tmp_path: Path) -> Workspace:
    """Everything in it happened at times that are always the same."""
    workspace = learned_workspace(tmp_path / "learned")
    with closing(open_database(workspace)) as connection:
        answer(connection, 1)
        with transaction(connection):
            connection.execute("UPDATE outbox SET done_ms = ? WHERE done_ms > 0", (NOW_MS - 5 * MINUTE_MS,))
            connection.execute(
                "UPDATE session SET started_ms = ?, ended_ms = ?",
                (NOW_MS - 7 * MINUTE_MS, NOW_MS - 6 * MINUTE_MS),
            )
    return workspace


def over_positions(kind: str, number: int) -> Drive:
    """Opens the chain of a position or a signal and waits for all of it."""

    async def drive(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await until(pilot, lambda: "CPU" in screen_text(pilot).splitlines()[0], "the health")
        pilot.app.push_screen(ChainScreen(kind, number, "positions"))
        await until(pilot, lambda: bool(pilot.app.screen.query("#stages")))
        await until(pilot, lambda: "learned" in pilot.app.screen.query_one("#stages", Panel).text)
        await pilot.press("end")

    return drive


@pytest.mark.parametrize("size", SIZES)
def test_the_chain_of_a_close_that_taught(
    snap_compare: Snap, learned: Workspace, size: tuple[int, int]
) -> None:
    app = console(learned, "positions")
    assert snap_compare(app, terminal_size=size, run_before=over_positions("position", 3))


def test_the_chain_of_a_rejection_with_its_hindsight(snap_compare: Snap, learned: Workspace) -> None:
    app = console(learned, "positions")
    assert snap_compare(app, terminal_size=(80, 24), run_before=over_positions("signal", 1))


@pytest.mark.parametrize("size", SIZES)
def test_rejections_with_their_hindsight(
    snap_compare: Snap, learned: Workspace, size: tuple[int, int]
) -> None:
    async def summed(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await until(pilot, lambda: "CPU" in screen_text(pilot).splitlines()[0], "the health")
        await until(pilot, lambda: "all rules" in pilot.app.screen.query_one(RulePanel).text)
        chain = pilot.app.screen.query_one("#chain")
        await until(pilot, lambda: not chain.display or "learned" in chain.query_one("#why", Panel).text)

    assert snap_compare(console(learned, "rejections"), terminal_size=size, run_before=summed)


@pytest.mark.parametrize("size", SIZES)
def test_the_overview_of_closes_that_taught(
    snap_compare: Snap, learned: Workspace, size: tuple[int, int]
) -> None:
    async def counted(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "CPU" in screen_text(pilot).splitlines()[0], "the health")
        for id, words in (("taught", "win"), ("training", "setups"), ("counts", "40 closed")):
            await until(pilot, partial(says, pilot, id, words), id)
        panel = pilot.app.screen.query_one("#training", Panel)
        await until(pilot, lambda: panel.content_size.height == len(panel.text.splitlines()))
        await until(pilot, lambda: bool(pilot.app.screen.query("#equity:focus")), "the focus on the chart")

    assert snap_compare(console(learned, "overview"), terminal_size=size, run_before=counted)


@pytest.mark.parametrize("size", SIZES)
def test_agents_that_closes_wait_for(snap_compare: Snap, learned: Workspace, size: tuple[int, int]) -> None:
    async def listed(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "CPU" in screen_text(pilot).splitlines()[0], "the health")
        agents = pilot.app.screen.query_one("#agents", RecordList)
        await until(pilot, lambda: "40" in agents.text)
        agents.select("dqn")
        await until(pilot, lambda: "Double" in text_of(pilot, "about"))

    assert snap_compare(console(learned, "train"), terminal_size=size, run_before=listed)


def text_of(pilot: Pilot[None], id: str) -> str:
    """What a panel says."""
    return pilot.app.screen.query_one(f"#{id}", Panel).text


def says(pilot: Pilot[None], id: str, words: str) -> bool:
    """Whether a panel has these words."""
    return words in text_of(pilot, id)
