"""P5: candles into the workspace by the front door, beside what one would write by hand.

The limit parses the text with pyarrow, writes the columns as Parquet with the same encoding, and makes
the file durable. Ours recognises and hashes the source, checks every row, orders, counts gaps, merges
with what is there, hashes what it wrote, and records it in the database. The row `in blocks` is the same
import with the blocks of a file that is too large for memory.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.harness import Row, interleave, row_of
from cointrader.data_feeds import long_reading
from cointrader.data_feeds.front_door import FrontDoor
from cointrader.data_feeds.outcome import IMPORTED
from storage.candles.parquet import WRITER_OPTIONS
from storage.database import open_database
from storage.workspace import Workspace

BASE_MS = 1_600_000_020_000
BAR_MS = 60_000
TARGET = 1.5
TARGET_IN_BLOCKS = 2.5


def candle_file(path: Path, count: int) -> None:
    """A CSV of made-up one-minute candles, numbers written in full."""
    draw = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 5e-4, count)))
    volume = draw.lognormal(3, 1, count)
    with path.open("w", encoding="ascii") as file:
        file.write("date,open,high,low,close,volume\n")
        for number, (price, amount) in enumerate(zip(close.tolist(), volume.tolist(), strict=True)):
            time_ms = BASE_MS + number * BAR_MS
            file.write(f"{time_ms},{price!r},{price * 1.001!r},{price * 0.999!r},{price!r},{amount!r}\n")


def by_hand(path: Path, target: Path) -> None:
    """Parse, write, make durable: nothing is checked."""
    options = {**WRITER_OPTIONS, "column_encoding": dict.fromkeys(VALUES, "BYTE_STREAM_SPLIT")}
    pq.write_table(pacsv.read_csv(path), target, **options)
    with target.open("rb") as file:
        os.fsync(file.fileno())


VALUES = ("open", "high", "low", "close", "volume")


def by_the_door(path: Path, root: Path, count: int) -> None:
    """Import into a fresh workspace."""
    with closing(open_database(Workspace(root))) as connection:
        (outcome,) = FrontDoor(Workspace(root), connection).take([path])
        assert (outcome.state, outcome.rows) == (IMPORTED, count), outcome
    shutil.rmtree(root)


def imported(folder: Path, count: int, name: str, target: float) -> Row:
    """One row of the report."""
    path = folder / "BTC_USDT-1m.csv"
    candle_file(path, count)
    cases: dict[str, Callable[[], object]] = {
        "limit": lambda: by_hand(path, folder / "limit.parquet"),
        "ours": lambda: by_the_door(path, folder / "workspace", count),
    }
    timings = interleave(cases, "limit", rounds=5, limit_repeats=1)
    rows_a_second = count / timings["ours"].median_s
    work = f"{name} {count:,} candles, {rows_a_second / 1e6:.2f} M rows/s"
    return row_of("P5 import", work, timings, target=target)


def rows(count: int = 1_000_000) -> list[Row]:
    """Import at once and in blocks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = [imported(folder, count, "import", TARGET)]
        limit, long_reading.LONG_BYTES = long_reading.LONG_BYTES, 0
        try:
            report.append(imported(folder, count, "in blocks", TARGET_IN_BLOCKS))
        finally:
            long_reading.LONG_BYTES = limit
    return report
