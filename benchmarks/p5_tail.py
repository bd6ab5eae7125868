"""P5: a bot's log taken in while it grows, beside a plain loop that keeps each line of it.

The limit splits the file into lines, takes the ones that say something by their first words, and inserts
them with the same unique key, in transactions of the same size. Ours finds the file's place, reads what each
message means (symbol, side, reason, figures), tells doubled lines apart, and notes in each transaction how
far it is. Half of the lines say something, as in a log of the bot at INFO.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.harness import Row, interleave, row_of
from cointrader.data_feeds.tail import CHUNK_BYTES
from cointrader.histories.bot_follower import BotFollower
from cointrader.settings import Settings
from storage.database import open_database, transaction
from storage.workspace import Workspace

TARGET = 8.0
SYMBOLS = 200
MEANT = ("[EVAL]", "Regime", "Gate", "Passing", "Raw")
MESSAGES = (
    "[EVAL] {symbol} -> below_min_score ({number})",
    "Fetching OHLCV for {symbol}, {number}",
    "Regime for {symbol} [1h/4h]: trending",
    "Cache hit for {symbol}, {number}",
    "Gate summary for {symbol}: sentiment=True risk=False budget=True cooldown=True min_score=False",
    "Symbol list has {number} entries",
    "Passing to execute: symbol={symbol}, score=0.{number}, dry_run=True",
    "Waiting for candles of {symbol}, {number}",
    "Raw result: symbol={symbol} score=0.{number} direction=long atr=12.5",
    "Websocket is alive, {number}",
)


def log_file(path: Path, count: int) -> None:
    """A log of ten lines a millisecond-stamped tick; no two lines are equal within a second."""
    with path.open("w") as file:
        for number in range(count):
            tick = number // 10
            stamp = (
                f"2025-08-{1 + tick // 86_400:02} {tick // 3600 % 24:02}:{tick // 60 % 60:02}:{tick % 60:02}"
            )
            symbol = f"S{tick % SYMBOLS}/USDT"
            message = MESSAGES[number % 10].format(symbol=symbol, number=number)
            file.write(f"{stamp},{number % 1000:03} - INFO - {message}\n")


def by_hand(path: Path, root: Path) -> None:
    """Lines into one table, nothing understood."""
    with closing(open_database(Workspace(root))) as connection:
        connection.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, second, text, UNIQUE (second, text))")
        with path.open() as file:
            while lines := file.readlines(CHUNK_BYTES):
                parts = [line.rstrip("\n").split(" - ", 2) for line in lines]
                kept = [(stamp[:19], text) for stamp, _, text in parts if text.startswith(MEANT)]
                with transaction(connection):
                    connection.executemany("INSERT OR IGNORE INTO line (second, text) VALUES (?, ?)", kept)
    shutil.rmtree(root)


def followed(folder: Path, root: Path, count: int) -> None:
    """One look of a follower that sees the log for the first time."""
    with closing(open_database(Workspace(root))) as connection:
        report = BotFollower(connection, Settings(), ZoneInfo("UTC")).look(folder)
        assert (report.lines, report.rows) == (count, count // 2), report
    shutil.rmtree(root)


def rows(count: int = 100_000) -> list[Row]:
    """The tail of a log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = folder / "bot"
        logs.mkdir()
        log_file(logs / "bot.log", count)
        cases: dict[str, Callable[[], object]] = {
            "limit": lambda: by_hand(logs / "bot.log", folder / "limit"),
            "ours": lambda: followed(logs, folder / "workspace", count),
        }
        timings = interleave(cases, "limit", rounds=5, limit_repeats=1)
        work = f"log tail {count:,} lines, {count / timings['ours'].median_s:,.0f} lines/s"
        return [row_of("P5 tail", work, timings, target=TARGET)]
