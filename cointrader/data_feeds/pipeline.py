"""The way of a record from the line it was read from to the row it becomes, measured at every stage.

    reading -> cleaning -> normalising -> (prices: indicators -> signals) -> storing

Records are committed together: when nothing more is waiting to be read, or after `LONGEST_WAIT_MS`, because
one commit costs about as much for a hundred rows as for one. Times are by the monotonic clock; the end of a
record's way is the commit that holds it.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cointrader.data_feeds.indicators import IndicatorStream, SignalGenerator, indicator_records
from cointrader.data_feeds.realtime import RealtimePublisher
from cointrader.data_feeds.records.cleaning import DataCleaner
from cointrader.data_feeds.records.normalising import make_record, normalise
from cointrader.data_feeds.records.schemas import PRICE_TYPES
from cointrader.data_feeds.records.validation import RecordRefused
from storage.clock import now_ms
from storage.database import transaction
from storage.feed_records import FeedRecord, append_records
from storage.latency import END_TO_END, write_latency
from storage.quarantine import QuarantineRow, add_to_quarantine

LONGEST_WAIT_MS = 10.0
LARGEST_BATCH = 96
"""A commit of so many records takes 2 to 4 ms here (`cointrader feed FILE`): the target of the stage is 5."""
EVERY = 16
ALL_UP_TO = 2_000
"""Of a stage and type all are measured up to so many, then one in `EVERY`."""


@contextmanager
def quick_commits(connection: sqlite3.Connection) -> Iterator[None]:
    """Commits that do not wait for the disk, for records that stand in their recording anyway.

    A process that is killed loses nothing; a machine that loses its power may lose the last commits, whole
    ones (SQLite, "PRAGMA synchronous": NORMAL in WAL mode).
    """
    before = int(connection.execute("PRAGMA synchronous").fetchone()[0])
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA synchronous = {before}")


@dataclass
class _Waiting:
    """What the next commit will hold."""

    records: list[FeedRecord] = field(default_factory=list)
    read_ns: list[int] = field(default_factory=list)
    refused: list[tuple[str, QuarantineRow]] = field(default_factory=list)
    first_ns: int = 0


@dataclass
class FeedPipeline:
    """Takes what a feed reads. One thread uses it; call `flush` when nothing more is there to be read.

    `counts` are the records stored, by type; `refused` those that were kept in quarantine.
    """

    connection: sqlite3.Connection
    provenance: str = "playback"
    source: str = ""
    publisher: RealtimePublisher | None = None
    clock_ns: Callable[[], int] = time.monotonic_ns
    counts: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    _waiting: _Waiting = field(default_factory=_Waiting)
    _measured: list[tuple[str, str, int]] = field(default_factory=list)
    _taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    _streams: dict[str, IndicatorStream] = field(default_factory=dict)
    _cleaner: DataCleaner = field(default_factory=DataCleaner)
    _generator: SignalGenerator = field(default_factory=SignalGenerator)

    def take(self, type: str, data: Mapping[str, Any], *, read_ns: int | None = None) -> bool:
        """Takes one record that was read at `read_ns`; False when it was refused."""
        now = self.clock_ns
        start = now()
        read_ns = start if read_ns is None else read_ns
        self._measure("reading", type, start - read_ns)
        cleaned = self._cleaner.clean({**data, "type": type})
        clean = now()
        self._measure("cleaning", type, clean - start)
        try:
            record = normalise(cleaned, provenance=self.provenance, source=self.source)
        except RecordRefused as error:
            self._refuse(error, data)
            return False
        self._measure("normalising", type, now() - clean)
        self._keep(record, read_ns)
        if type in PRICE_TYPES:
            self._derive(record, read_ns)
        if self._is_due(now()):
            self.flush()
        return True

    def flush(self) -> None:
        """Commits what waits, and with it the measurements of the commit before."""
        waiting, self._waiting = self._waiting, _Waiting()
        if not (waiting.records or waiting.refused or self._measured):
            return
        start = self.clock_ns()
        measured, self._measured = self._measured, []
        with transaction(self.connection):
            append_records(self.connection, waiting.records)
            for source, row in waiting.refused:
                add_to_quarantine(self.connection, source, "", [row])
            write_latency(self.connection, now_ms(), measured)
        end = self.clock_ns()
        for record, read_ns in zip(waiting.records, waiting.read_ns, strict=True):
            self.counts[record.type] += 1
            self._measure("storing", record.type, end - start)
            self._measure(END_TO_END, record.type, end - read_ns)
        if self.publisher is not None:
            for record in waiting.records:
                self.publisher.publish(record.type, record.data)

    def close(self) -> None:
        """Commits everything, the last measurements too."""
        self.flush()
        self.flush()

    def _derive(self, record: FeedRecord, read_ns: int) -> None:
        """Index, average and signal of a price."""
        start = self.clock_ns()
        stream = self._streams.setdefault(record.symbol, IndicatorStream())
        indicators = stream.update(record.data)
        made = [("indicator", each) for each in indicator_records(indicators)]
        after = self.clock_ns()
        self._measure("indicators", record.type, after - start)
        signal = self._generator.generate_signal(indicators)
        if signal["signal_type"] != "hold":
            made.append(("trading_signal", signal))
        self._measure("signals", record.type, self.clock_ns() - after)
        for type, data in made:
            derived = make_record({**data, "type": type}, provenance=self.provenance, source=self.source)
            self._keep(derived, read_ns)

    def _keep(self, record: FeedRecord, read_ns: int) -> None:
        waiting = self._waiting
        waiting.records.append(record)
        waiting.read_ns.append(read_ns)
        waiting.first_ns = waiting.first_ns or read_ns

    def _refuse(self, error: RecordRefused, data: Mapping[str, Any]) -> None:
        self.refused += 1
        row = QuarantineRow(0, error.field, error.reason, repr(dict(data))[:500])
        self._waiting.refused.append((f"feed:{error.type}", row))

    def _is_due(self, now_ns: int) -> bool:
        waiting = self._waiting
        if len(waiting.records) >= LARGEST_BATCH:
            return True
        return bool(waiting.records) and (now_ns - waiting.first_ns) / 1e6 >= LONGEST_WAIT_MS

    def _measure(self, stage: str, type: str, nanoseconds: int) -> None:
        """Notes a duration: all of the first ones, then a share that is the same for every duration."""
        number = self._taken[stage, type]
        self._taken[stage, type] = number + 1
        if number < ALL_UP_TO or number % EVERY == 0:
            self._measured.append((stage, type, nanoseconds // 1_000))
