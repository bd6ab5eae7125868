"""P11: the decision path of one signal with a million past ones, and a backtest's decisions, both stored.

One signal: filter, limits, the core's own agents, routing to the execution agent, everything in the database,
on a workspace with 1,000,000 past signals, half of them rejected. Up to the hundred trades of a day are
executed, all else is refused by a limit. The time is told as p50, p95 and p99 beside that of a bare commit of
as many bytes on the same disk at the same moments, because every decision waits for the disk once and an
executed one twice; it may take 5 ms at p99. On a disk that others use that wait is nearly all of it, so the
time of the processor is told too.

Backtest: 100,000 signals decided by the kernel and stored, beside `executemany` of the very same rows into an
empty database of the same tables and indexes.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.harness import Row, interleave, row_of
from cointrader.backtest.result import BacktestResult
from cointrader.backtest.run import run_backtest
from cointrader.backtest.store import store_backtest
from cointrader.core import AgentIO, FlowManager, LogicExecutor, SignalFilter
from cointrader.core.desk import CHECKPOINT_PAGES, Desk
from storage.candles import Candles
from storage.database import open_database, transaction
from storage.insert import index_text, insert_rows
from storage.workspace import Workspace

PAST = 1_000_000
MEASURED = 2_000
MAY_TAKE_S = 5e-3
DECISION_BYTES = 24 * 4_096
"""What a decision writes to the log, in pages: the median of 500."""
BAR_MS = 300_000
START_MS = 1_600_000_000_000
SYMBOLS = ("BTC", "ETH", "SOL", "ADA", "XRP", "DOGE", "LTC", "DOT")


def fill_past(workspace: Workspace, count: int) -> None:
    """A run of `count` signals of the past, every other one rejected, and the core's memory of each."""
    draw = random.Random(11)
    with closing(open_database(workspace)) as connection, transaction(connection):
        connection.execute(
            "INSERT INTO trading_run (id, kind, provenance, state, strategies, symbols, settings_json, "
            "first_ms, last_ms, bars, signals, rejections, positions, start_equity, end_equity, started_ms, "
            "code_version, rev) VALUES (1, 'backtest', 'synthetic', 'succeeded', 'momentum', '', '{}', "
            "0, 1, 2, ?, ?, 0, 10000, 10000, 0, '0', 0)",
            (count, count // 2),
        )
        drawn = [draw.choice(SYMBOLS) + "/USDT" for _ in range(count)]
        insert_rows(
            connection,
            "signal",
            (
                *("id", "run_id", "ts_ms", "symbol", "strategy", "side", "confidence", "price", "status"),
                *("contributions", "provenance"),
            ),
            (
                (
                    *(n + 1, 1, START_MS + n * 60_000, symbol, "momentum", "long", 0.5, 100.0),
                    *("rejected" if n % 2 else "accepted", '{"rule":1.0}', "synthetic"),
                )
                for n, symbol in enumerate(drawn)
            ),
        )
        insert_rows(
            connection,
            "rejection",
            (
                *("signal_id", "run_id", "ts_ms", "symbol", "strategy", "side", "stage", "code", "text"),
                *("confidence", "price", "provenance"),
            ),
            (
                (
                    *(n + 1, 1, START_MS + n * 60_000, drawn[n], "momentum", "long", "risk", "cooldown"),
                    *("Cooldown", 0.5, 100.0, "synthetic"),
                )
                for n in range(1, count, 2)
            ),
        )
        insert_rows(
            connection,
            "context_record",
            ("kind", "signal_key", "strategy", "ts_ms", "data_json", "reason"),
            (
                ("signal", f"past-{n}", "momentum", START_MS + n * 60_000, "{}", "rejected" if n % 2 else "")
                for n in range(count)
            ),
        )
        for table in ("signal", "rejection"):
            index_text(connection, table, 0)


@dataclass
class Taken:
    """Seconds of each decision, of the processor for it, and of a bare commit right after it."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def decision_times(workspace: Workspace, bare: sqlite3.Connection, count: int) -> Taken:
    """Each decision: the call, the answers, the rows and their commits."""
    now_ms = time.time_ns() // 1_000_000
    clock = [now_ms]
    agents = AgentIO(desk=Desk(workspace, clock=lambda: clock[0]))
    flow = FlowManager(agents)
    executor = LogicExecutor(SignalFilter(), flow)
    taken = Taken()
    for number in range(-20, count):  # the first twenty load the kernels
        clock[0] += 20_000
        signal = {
            "signal_id": f"signal-{number}",
            "strategy": "momentum",
            "params": {"amount": 1.0, "base": SYMBOLS[number % 8], "quote": "USDT", "price": 100.0},
            "timestamp": clock[0] / 1000,
        }
        start, busy = time.perf_counter(), time.process_time()
        command = executor.execute_logic_tree(signal)
        routed = command is not None and flow.route_to_execution(command)
        if number >= 0:
            taken.wall.append(time.perf_counter() - start)
            taken.processor.append(time.process_time() - busy)
            taken.bare.append(commit_time(bare))
        if routed:
            flow.close_position(str(signal["signal_id"]), 100.0)
    agents.close()
    return taken


def bare_database(path: Path) -> sqlite3.Connection:
    """An empty database whose commits are as durable as ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute("CREATE TABLE one (a INTEGER PRIMARY KEY, b TEXT)")
    return connection


def commit_time(connection: sqlite3.Connection) -> float:
    """Seconds of one bare commit of as many bytes as a decision has."""
    start = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT OR REPLACE INTO one (a, b) VALUES (1, ?)", ("x" * DECISION_BYTES,))
    connection.execute("COMMIT")
    return time.perf_counter() - start


def decisions(past: int = PAST, count: int = MEASURED) -> list[Row]:
    """p50, p95 and p99 of one decision, by the clock and of the processor, beside those of a bare commit."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name) / "workspace")
        fill_past(workspace, past)
        with closing(bare_database(Path(name) / "bare.db")) as bare:
            taken = decision_times(workspace, bare, count)
    rows = []
    for what, seconds in (("", taken.wall), (" of the processor", taken.processor)):
        for at, ours, disk in zip(
            ("p50", "p95", "p99"), quantiles(seconds), quantiles(taken.bare), strict=True
        ):
            name = f"one decision{what}, {past:,} past signals, {at}"
            rows.append(Row("P11", name, ours, None, "bare commit", disk, ours / MAY_TAKE_S, 1))
    return rows


def quantiles(seconds: list[float]) -> tuple[float, float, float]:
    """p50, p95, p99."""
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[94], cuts[98]


def noisy_markets(bars: int) -> list[Candles]:
    """Eight random walks (synthetic) over the same times."""
    draw = np.random.default_rng(7)
    return [noisy_market(f"{base}/USDT", bars, draw) for base in SYMBOLS]


def noisy_market(symbol: str, bars: int, draw: np.random.Generator) -> Candles:
    """A random walk (synthetic)."""
    close = 100 * np.exp(np.cumsum(draw.normal(0, 1e-3, bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    return Candles(
        symbol=symbol,
        timeframe_ms=BAR_MS,
        close_ms=START_MS + BAR_MS * np.arange(1, bars + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * 1.0005,
        low=np.minimum(opened, close) * 0.9995,
        close=close,
        volume=np.ones(bars),
    )


def decided(markets: list[Candles]) -> BacktestResult:
    """The quickest momentum there is, so that signals and not bars are what there is much of."""
    return run_backtest(markets, ["momentum"], params={"momentum": {"fast": 2, "slow": 3, "roc": 1}})


def enough_signals(wanted: int) -> tuple[list[Candles], BacktestResult]:
    """As many bars as make at least `wanted` signals, and what was decided on them."""
    bars = wanted // 2
    while True:
        markets = noisy_markets(bars)
        result = decided(markets)
        if result.signals.size >= wanted:
            return markets, result
        bars = round(bars * 1.05 * wanted / max(result.signals.size, 1))


TABLES = (
    *("trading_run", "signal", "rejection", "position", "signal_position", "position_fill", "reward"),
    *("position_path", "equity_point", "event"),
)


def stored_rows(
    connection: sqlite3.Connection,
) -> dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]:
    """Every row that storing the backtest made, by table."""
    found = {}
    for table in TABLES:
        cursor = connection.execute(f"SELECT * FROM {table}")
        found[table] = (tuple(column[0] for column in cursor.description), cursor.fetchall())
    return found


def backtest(wanted: int = 100_000) -> Row:
    """Deciding and storing, beside inserting the same rows."""
    markets, result = enough_signals(wanted)
    folders = tempfile.TemporaryDirectory()
    number = [0]

    def fresh() -> tuple[Workspace, sqlite3.Connection]:
        number[0] += 1
        workspace = Workspace(Path(folders.name) / str(number[0]))
        return workspace, open_database(workspace)

    workspace, connection = fresh()
    with closing(connection):
        store_backtest(workspace, connection, result, provenance="synthetic")
        rows = stored_rows(connection)

    def plain(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for table, (columns, values) in rows.items():
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        for table in ("signal", "rejection", "position"):
            index_text(connection, table, 0)
        connection.execute("COMMIT")

    prepared: list[tuple[Workspace, sqlite3.Connection]] = [fresh() for _ in range(8)]

    def into_next(write: Callable[[Workspace, sqlite3.Connection], object]) -> None:
        place, opened = prepared.pop()
        with closing(opened):
            write(place, opened)

    def ours(place: Workspace, opened: sqlite3.Connection) -> None:
        store_backtest(place, opened, decided(markets), provenance="synthetic")

    cases: dict[str, Callable[[], object]] = {
        "limit": lambda: into_next(lambda place, opened: plain(opened)),
        "ours": lambda: into_next(ours),
    }
    try:
        timings = interleave(cases, "limit", rounds=3, limit_repeats=1)
    finally:
        folders.cleanup()
    count = int(result.signals.size)
    return row_of("P11", f"{count:,} backtest signals decided, stored", timings, target=2.0)


def rows() -> list[Row]:
    """All rows of P11."""
    return [*decisions(), backtest()]
