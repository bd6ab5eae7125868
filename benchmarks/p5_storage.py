"""P5: rows into SQLite, a page at a random depth, series into arrays, and CSV candles.

The limits are what one would write by hand on the same schema, with the same indexes and the same
PRAGMAs: the driver's `executemany`, one keyset query in SQL, a cursor into `numpy.fromiter`, and
reading the bytes of a file.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness import Row, interleave, row_of
from storage.candles import Candles, read_candles, write_candles
from storage.database import connect, open_database, transaction
from storage.insert import insert_rows
from storage.pages import PageSource, Sort, get_view
from storage.workspace import Workspace

COLUMNS = (
    *("signal_id", "run_id", "ts_ms", "symbol", "strategy", "side"),
    *("stage", "code", "text", "confidence", "price", "provenance"),
)
BASE_MS = 1_600_000_000_000
BAR_MS = 60_000


def rejections(count: int, first: int = 1) -> list[tuple[object, ...]]:
    """Rows of twelve columns, as a backtest makes them (synthetic values)."""
    draw = random.Random(3)
    codes = ["exposure_asset", "cooldown", "confidence", "position_exists"]
    symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "ADA/USDT"]
    rows: list[tuple[object, ...]] = []
    for number in range(first, first + count):
        symbol, code = draw.choice(symbols), draw.choice(codes)
        ts_ms = BASE_MS + number * BAR_MS
        price = 100 + draw.random()
        rows.append(
            (number, 1, ts_ms, symbol, "momentum", "long", "risk", code, code, 0.5, price, "synthetic")
        )
    return rows


def prepared(folder: Path) -> sqlite3.Connection:
    """A fresh database of ours that takes rejections without their signals."""
    connection = open_database(Workspace(folder))
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


def ingest(count: int = 200_000) -> Row:
    """Ours against the driver, into the same table with the same indexes, on one database a run."""
    rows = rejections(count)
    statement = f"INSERT INTO rejection ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"

    def into_fresh(write: Callable[[sqlite3.Connection], object]) -> None:
        connection.execute("DELETE FROM rejection")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write(connection)

    def ours(target: sqlite3.Connection) -> None:
        with transaction(target):
            insert_rows(target, "rejection", COLUMNS, rows)

    def plain(target: sqlite3.Connection) -> None:
        target.execute("BEGIN")
        target.executemany(statement, rows)
        target.execute("COMMIT")

    with tempfile.TemporaryDirectory() as folder:
        connection = prepared(Path(folder))
        cases = {"limit": lambda: into_fresh(plain), "ours": lambda: into_fresh(ours)}
        timings = interleave(cases, "limit", rounds=5, limit_repeats=1)
        connection.close()
    return row_of("P5", f"ingest {count:,} rejections, 12 columns", timings, target=1.0)


def paging(connection: sqlite3.Connection, count: int, depths: int = 200) -> Row:
    """A page of 100 rows at random depth, through the page source and as one hand-written query."""
    source = PageSource(connection, get_view("rejections"), sort=Sort("time", descending=False))
    names = ", ".join(f'"{row[1]}"' for row in connection.execute("PRAGMA table_info(rejection)").fetchall())
    draw = random.Random(5)
    keys = [(BASE_MS + depth * BAR_MS, depth) for depth in (draw.randrange(1, count) for _ in range(depths))]
    query = f"SELECT {names} FROM rejection WHERE (ts_ms, id) > (?, ?) ORDER BY ts_ms, id LIMIT 100"

    def ours() -> None:
        for key in keys:
            source.after(key, 100)

    def plain() -> None:
        for key in keys:
            connection.execute(query, key).fetchall()

    timings = interleave({"limit": plain, "ours": ours}, "limit", rounds=5)
    return row_of("P5", f"{depths} pages of 100 at random depth of {count:,}", timings, target=1.2)


def columns(connection: sqlite3.Connection, folder: Path, count: int) -> Row:
    """Six columns of candles from our Parquet file, beside a cursor over four columns of as many rows."""
    draw = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 5e-4, count)))
    series = Candles(
        symbol="BTC/USDT",
        timeframe_ms=BAR_MS,
        close_ms=BASE_MS + BAR_MS * np.arange(1, count + 1, dtype=np.int64),
        open=close,
        high=close * 1.001,
        low=close * 0.999,
        close=close,
        volume=draw.lognormal(3, 1, count),
    )
    workspace = Workspace(folder)
    path, sha256 = write_candles(workspace, series)
    record_series(connection, series, path, sha256)
    kinds = [("t", "i8"), ("c", "f8"), ("p", "f8"), ("r", "i8")]

    def plain() -> None:
        np.fromiter(connection.execute("SELECT ts_ms, confidence, price, run_id FROM rejection"), dtype=kinds)

    def ours() -> None:
        read_candles(workspace, "BTC/USDT", BAR_MS, connection=connection)

    timings = interleave({"limit": plain, "ours": ours}, "limit", rounds=3, limit_repeats=1)
    return row_of("P5", f"{count:,} rows into arrays, kept in Parquet", timings, target=0.1)


def record_series(connection: sqlite3.Connection, series: Candles, path: str, sha256: str) -> None:
    """Make a Parquet file known to the database, as an import does."""
    with transaction(connection):
        insert_rows(
            connection,
            "instrument",
            ("id", "base", "quote", "venue", "symbol", "first_seen_ms", "rev"),
            [(1, "BTC", "USDT", "", series.symbol, BASE_MS, 0)],
        )
        known = {
            "instrument_id": 1,
            "symbol": series.symbol,
            "timeframe_ms": series.timeframe_ms,
            "path": path,
            "sha256": sha256,
            "source_name": "benchmark",
            "source_sha256": sha256,
            "dialect": "benchmark",
            "first_close_ms": int(series.close_ms[0]),
            "last_close_ms": int(series.close_ms[-1]),
            "bars": series.close_ms.size,
            "provenance": "synthetic",
            "imported_ms": BASE_MS,
        }
        counts = dict.fromkeys(("gaps", "missing_bars", "duplicates", "refused", "zero_volume", "rev"), 0)
        record = {**known, **counts}
        insert_rows(connection, "candle_file", tuple(record), [tuple(record.values())])


def csv_candles(folder: Path, count: int) -> Row:
    """A headed CSV of candles into checked columns, beside reading its bytes and counting its lines."""
    from cointrader.data_feeds.candle_import import read_candle_file

    path = folder / "BTC_USDT-1m.csv"
    draw = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 5e-4, count)))
    volume = draw.lognormal(3, 1, count)
    times = range(BASE_MS // BAR_MS * BAR_MS, 1 << 62, BAR_MS)
    with path.open("w", encoding="ascii") as file:
        file.write("date,open,high,low,close,volume\n")
        for time_ms, price, amount in zip(
            itertools.islice(times, count), close.tolist(), volume.tolist(), strict=True
        ):
            file.write(f"{time_ms},{price!r},{price * 1.001!r},{price * 0.999!r},{price!r},{amount!r}\n")

    def limit() -> None:
        with path.open("rb") as file:
            assert file.read().count(b"\n") == count + 1

    def ours() -> None:
        assert read_candle_file(path, symbol="BTC/USDT").candles.close_ms.size == count

    timings = interleave({"limit": limit, "ours": ours} | csv_peers(path), "limit", rounds=3)
    return row_of("P5", f"CSV of {count:,} candles into columns", timings, target=1.6)


def csv_peers(path: Path) -> dict[str, Callable[[], object]]:
    """The readers a user would pick, those that are installed."""
    import pandas as pd

    peers: dict[str, Callable[[], object]] = {"pandas": lambda: pd.read_csv(path, engine="pyarrow")}
    try:
        import polars

        peers["polars"] = lambda: polars.read_csv(path)
    except ImportError:
        pass
    return peers


def rows(count: int = 1_000_000) -> list[Row]:
    """All rows of P5."""
    report = [ingest()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        connection = prepared(folder)
        with transaction(connection):
            insert_rows(connection, "rejection", COLUMNS, rejections(count))
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        reader = connect(Workspace(folder).database, readonly=True)
        report.append(paging(reader, count))
        report.append(columns(connection, folder, count))
        report.append(csv_candles(folder, count))
        reader.close()
        connection.close()
    return report
