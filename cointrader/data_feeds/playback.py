"""Recorded market data fed through the pipeline as if they came in now, at any speed.

Records are stored with the provenance `playback`; how long each stage took is measured on the way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cointrader.data_feeds.candle_reading import read_candle_file
from cointrader.data_feeds.instrument import read_file_name
from cointrader.data_feeds.news import read_news
from cointrader.data_feeds.order_book.kinds import read_depth_stream
from cointrader.data_feeds.order_book.level_table import read_level_table
from cointrader.data_feeds.pipeline import FeedPipeline, quick_commits
from cointrader.data_feeds.realtime import RealtimePublisher
from cointrader.data_feeds.recognise import recognise, why_unknown
from cointrader.data_feeds.record_import import FileRecords, Sink
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from cointrader.data_feeds.trade_tape import read_tape
from cointrader.interop.file_kind import (
    FileRefused,
    ImportOptions,
    LoadContext,
    Progress,
    SourceContent,
    untold,
)
from storage.database import transaction
from storage.feed_records import append_records
from storage.workspace import Workspace

PROVENANCE = "playback"

Reader = Callable[[Path, LoadContext, Sink], FileRecords]


@dataclass(frozen=True)
class PlaybackReport:
    """What was played: rows of the file, records stored by type, what was refused, and how long it took."""

    path: str
    kind: str
    rows: int
    records: dict[str, int]
    refused: int
    seconds: float


@dataclass
class PlaybackSink:
    """Passes what a reader finds on to a pipeline, in step with the recorded times where a speed is set."""

    pipeline: FeedPipeline
    speed: float = 0.0
    rows: int = 0
    refused: int = 0
    wait: Callable[[float], None] = time.sleep
    _read_ns: int = 0
    _first: tuple[int, int] | None = field(default=None)

    def next_row(self) -> int:
        self.rows += 1
        self._read_ns = self.pipeline.clock_ns()
        return self.rows

    def add(
        self, type: str, data: Mapping[str, Any], *, line: int = 0, raw: str = "", is_checked: bool = False
    ) -> bool:
        if self.speed > 0.0:
            self._keep_pace(data)
        return self.pipeline.take(type, data, read_ns=self._read_ns)

    def refuse(self, line: int, field: str, reason: str, raw: str | bytes) -> None:
        self.refused += 1

    def _keep_pace(self, data: Mapping[str, Any]) -> None:
        """Waits until as much time has passed since the first record as the recording says."""
        try:
            ts_ms = to_ms(data.get("timestamp"))
        except TimeRefused:
            # A record without a time is refused by the pipeline; it sets no pace.
            return
        now = self.pipeline.clock_ns()
        self._first = self._first or (ts_ms, now)
        first_ms, started = self._first
        ahead = (ts_ms - first_ms) / 1e3 / self.speed - (now - started) / 1e9
        if ahead > 0.0:
            # Nothing more is there to be read for now: what was read is committed first.
            self.pipeline.flush()
            self.wait(ahead)
            self._read_ns = self.pipeline.clock_ns()


def play_file(
    workspace: Workspace,
    connection: sqlite3.Connection,
    path: Path,
    *,
    speed: float = 0.0,
    symbol: str | None = None,
    publisher: RealtimePublisher | None = None,
    progress: Progress = untold,
) -> PlaybackReport:
    """Plays a file of candles, trades, books, a depth stream or headlines; `speed` 0 is as fast as it goes.

    Raises FileRefused for a file that is none of these, or that cannot be read.
    """
    head = SourceContent(path).head()
    known = recognise(head, path.name)
    if known is None:
        raise FileRefused(path, 1, "file", why_unknown(head, path.name))
    kind, recognition = known
    read = READERS.get(kind.name)
    if read is None:
        raise FileRefused(path, 1, "file", f"is {recognition.kind}; only records of a market can be played")
    options = ImportOptions(symbol=symbol)
    context = LoadContext(
        workspace, connection, recognition, path.name, options, progress=progress, provenance=PROVENANCE
    )
    pipeline = FeedPipeline(connection, PROVENANCE, read_file_name(path.name).venue, publisher)
    sink = PlaybackSink(pipeline, speed)
    started = pipeline.clock_ns()
    with quick_commits(connection):
        try:
            found = read(path, context, sink)
        finally:
            pipeline.close()
        # What is made of the whole (the book at its end) belongs to no imported file here.
        whole = [replace(record, source_file_id=None) for record in found.more(0)]
        with transaction(connection):
            append_records(connection, whole)
    seconds = (pipeline.clock_ns() - started) / 1e9
    refused = pipeline.refused + sink.refused
    return PlaybackReport(str(path), recognition.kind, sink.rows, dict(pipeline.counts), refused, seconds)


def read_candles(path: Path, context: LoadContext, sink: Sink) -> FileRecords:
    """Gives the closes of a file of candles to a sink, a price a bar."""
    reading = read_candle_file(path, symbol=context.answer("symbol") or None)
    candles = reading.candles
    columns = (candles.close_ms.tolist(), candles.close.tolist(), candles.volume.tolist())
    for close_ms, close, volume in zip(*columns, strict=True):
        sink.next_row()
        price = {"symbol": candles.symbol, "price": close, "volume": volume, "timestamp": close_ms / 1000}
        sink.add("crypto_price", price)
    return FileRecords(f"{len(candles):,} bars of {candles.symbol}", candles.symbol)


READERS: Mapping[str, Reader] = {
    "depth_stream": read_depth_stream,
    "book_csv": read_level_table,
    "trade_tape": read_tape,
    "news": read_news,
    "candles": read_candles,
}
"""How each kind of file is read, by the name of its reader."""
