"""P10: a table of a million rows: from the wish to its first page on the screen, and from a key to its paint.

A console without a terminal, 120x40, over a real database. "On the screen" is when Textual hands the
picture to the driver; the driver's own writing is the terminal's matter.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot

from benchmarks.harness import Row
from cointrader.settings import Settings
from storage.database import open_database, transaction
from storage.workspace import Workspace
from tui.app import CoinTraderApp
from tui.widgets.paged_table import PagedTable

ROWS = 1_000_000
FIRST_PAGE_S = 0.100
KEY_S = 0.016
GROWTH_MB = 10.0
JUMPS = 40
START_MS = 1_577_836_800_000  # 2020-01-01

RUN = """
INSERT INTO trading_run (kind, provenance, state, strategies, symbols, settings_json, metrics_json, first_ms,
    last_ms, bars, signals, rejections, positions, start_equity, end_equity, started_ms, code_version, rev)
VALUES ('backtest', 'synthetic', 'succeeded', 'momentum', 'BTC/USDT', '{}', '{}', 0,
    1, 1, 0, 0, 0, 1, 1, 0, '', 1)
"""
SIGNALS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO signal (run_id, ts_ms, symbol, strategy, side, confidence, price, status, contributions,
    provenance)
SELECT (SELECT max(id) FROM trading_run), :start + i * 60000, 'BTC/USDT', 'momentum', 'long',
    (i % 100) / 100.0, 50000.0 + i % 1000, 'accepted', '{"rule": 1.0}', 'synthetic' FROM n
"""


class Watched(CoinTraderApp):
    """Notes when the last picture left."""

    painted = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted = time.perf_counter()


async def _until(pilot: Pilot[None], condition: Any) -> None:
    while not condition():
        await pilot.pause(0.001)


async def first_page_seconds(app: Watched, pilot: Pilot[None], table: PagedTable) -> float:
    """From asking for a filter nobody asked for yet to its first rows on the screen."""
    taken = []
    for number in range(9):
        text = f"confidence>0.{number}"
        start = time.perf_counter()
        table.filter_by(text)
        await _until(pilot, lambda text=text: table.wish.filter == text and not table.is_loading_rows)
        shown = time.perf_counter()
        await _until(pilot, lambda shown=shown: app.painted >= shown)
        taken.append(app.painted - start)
    return statistics.median(taken)


async def key_seconds(app: Watched, pilot: Pilot[None], table: PagedTable) -> float:
    """From a key in the queue to the picture with the cursor on the next row."""
    taken = []
    for _ in range(60):
        # Between two frames, as an operator's keys come.
        await asyncio.sleep(0.03)
        wanted = table.cursor + 1
        start = time.perf_counter()
        app.post_message(events.Key("j", "j"))
        while table.cursor != wanted or app.painted < start:
            await asyncio.sleep(0)
        taken.append(app.painted - start)
    return statistics.median(taken)


async def growth_mb(pilot: Pilot[None], table: PagedTable) -> float:
    """Megabytes that the process grows by while the whole table is jumped through."""
    before = _resident_mb()
    for number in range(JUMPS):
        table.go_to((number * 617_033) % ROWS)
        await _until(pilot, lambda: table.current_row() is not None)
    return max(0.0, _resident_mb() - before)


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise OSError("the system does not say how much memory a process holds")


async def measured(workspace: Workspace) -> tuple[float, float, float]:
    """First page, key to paint, growth."""
    settings = replace(Settings(), console=replace(Settings().console, refresh_ms=1000))
    app = Watched(workspace, settings, read_only=True, fresh=True, first_screen="signals")
    async with app.run_test(size=(120, 40)) as pilot:
        await _until(pilot, lambda: bool(app.screen.query(PagedTable)))
        table = app.screen.query_one(PagedTable)
        await _until(pilot, lambda: table.pages.count is not None)
        key = await key_seconds(app, pilot, table)
        growth = await growth_mb(pilot, table)
        page = await first_page_seconds(app, pilot, table)
    return page, key, growth


def rows() -> list[Row]:
    """The three figures against their limits; that of memory is in units of its limit."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder)).create()
        connection = open_database(workspace)
        connection.execute("PRAGMA synchronous = OFF")
        with transaction(connection):
            connection.execute(RUN)
            connection.execute(SIGNALS, {"rows": ROWS, "start": START_MS})
        connection.close()
        page, key, growth = asyncio.run(measured(workspace))
    figures = (
        ("first page of 1 M filtered rows, on the screen", page, page / FIRST_PAGE_S),
        ("key to paint in a table of 1 M rows", key, key / KEY_S),
        (f"memory of {JUMPS} jumps: {growth:.1f} MB of {GROWTH_MB:.0f}", 0.0, growth / GROWTH_MB),
    )
    return [Row("P10", name, seconds, None, "", None, ratio, 1.0) for name, seconds, ratio in figures]
