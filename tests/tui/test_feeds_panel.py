"""The overview says how long records of the feeds take, and never hides a target that is missed."""

from __future__ import annotations

import sqlite3

from storage.database import transaction
from storage.latency import StageLatency, write_latency
from storage.workspace import Workspace
from tests.tui import training_rows as rows
from tests.tui.driving import console, until
from tui.app import CoinTraderApp
from tui.screens.feeds_text import feeds_text, slowest
from tui.symbols import UNICODE
from tui.widgets.panel import Panel


def figure(stage: str, type: str, p95_ms: float, target_ms: float | None) -> StageLatency:
    return StageLatency(stage, type, 100, p95_ms / 2, p95_ms, p95_ms, target_ms)


def feeds(app: CoinTraderApp) -> Panel:
    return app.screen.query_one("#feeds", Panel)


def test_of_each_stage_the_slowest_type_is_shown_and_missed_targets_come_first() -> None:
    figures = [
        figure("cleaning", "crypto_price", 0.2, 5.0),
        figure("storing", "crypto_price", 4.0, 5.0),
        figure("storing", "order_book", 9.0, 5.0),
        figure("reading", "order_book", 50.0, None),
    ]
    assert [(one.stage, one.type) for one in slowest(figures)] == [
        ("storing", "order_book"),
        ("cleaning", "crypto_price"),
        ("reading", "order_book"),
    ]
    head, missed, met, unjudged = feeds_text(figures, 52, UNICODE).plain.splitlines()
    assert "p95 ms" in head and missed.endswith("✗ missed") and met.endswith("✓ met")
    assert "50.0" in unjudged and unjudged.rstrip().endswith("50.0")
    assert all(len(line) <= 52 for line in (head, missed, met, unjudged))


async def test_nothing_is_said_of_feeds_before_something_was_measured(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    rows.add_run(connection)
    app = console(workspace, "overview")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "closed" in app.screen.query_one("#counts", Panel).text)
        assert not feeds(app).display
        with transaction(connection):
            write_latency(connection, 1, [("cleaning", "crypto_price", 300)] * 20)
        await until(pilot, lambda: feeds(app).display and "0.30" in feeds(app).text)


async def test_where_there_is_little_room_only_a_missed_target_is_shown(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    rows.add_run(connection)
    with transaction(connection):
        write_latency(connection, 1, [("cleaning", "crypto_price", 300)] * 20)
    app = console(workspace, "overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "cleaning" in feeds(app).text)
        assert not feeds(app).display
        with transaction(connection):
            write_latency(connection, 1, [("storing", "crypto_price", 30_000)] * 20)
        await until(pilot, lambda: feeds(app).display and "missed" in feeds(app).text)
