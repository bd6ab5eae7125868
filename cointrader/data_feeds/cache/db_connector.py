"""The door to all records of feeds, with the calls that feed agents know from a Redis.

    db = DBConnector()
    db.store({"symbol": "BTCUSDT", "price": 50000.0, "volume": 10.0, "timestamp": 1234567890.0})
    db.backfill("crypto_price:*")

Records are kept in the workspace. They are typed, in order of time, only ever added, and as many as there
are; order books are kept like any other. With a `host` they are kept in a Redis instead (extra `redis`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from cointrader.data_feeds.cache.feed_store import PAGE, FeedStore, WorkspaceStore
from cointrader.data_feeds.records.normalising import make_record
from cointrader.data_feeds.records.validation import RecordRefused
from storage.feed_records import FeedRecord
from storage.workspace import Workspace, resolve_workspace

REDIS_PORT = 6379
PROVENANCES = ("live", "paper", "backtest", "playback", "import", "synthetic")

log = logging.getLogger(__name__)


class DBConnector:
    """Stores and finds records. `provenance` says where they come from: simulated ones are `synthetic`."""

    def __init__(
        self,
        host: str | None = None,
        port: int = REDIS_PORT,
        db: int = 0,
        *,
        workspace: Workspace | Path | str | None = None,
        provenance: str = "import",
    ) -> None:
        if provenance not in PROVENANCES:
            raise ValueError(f"{provenance!r} is no provenance; known are {', '.join(PROVENANCES)}")
        self.provenance = provenance
        self.workspace = _workspace(workspace)
        self.records: FeedStore = WorkspaceStore(self.workspace)
        if host is not None:
            from cointrader.data_feeds.cache.redis_store import RedisStore

            self.records = RedisStore(host, port, db)

    def store(self, data: Mapping[str, Any]) -> str:
        """Checks and keeps one record; returns its key, `data_feed:{timestamp}:{symbol}:{type}`.

        The type of a record that does not say it is told by its fields. Raises RecordRefused with the field
        and the reason for a record that cannot be kept; the quarantine has it then.
        """
        return self.records.append([self._checked(data)])[0]

    def store_many(self, items: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
        """Keeps many records in one write; returns how many were kept and how many refused."""
        kept: list[FeedRecord] = []
        refused = 0
        for data in items:
            try:
                kept.append(self._checked(data))
            except RecordRefused:
                refused += 1
        self.records.append(kept)
        return len(kept), refused

    def retrieve(self, pattern: str) -> dict[str, Any] | None:
        """The latest record that matches a key, a key pattern or a channel pattern; None without one."""
        found = self.newest(pattern, 1)
        return found[0] if found else None

    def newest(self, pattern: str, limit: int) -> list[dict[str, Any]]:
        """The latest `limit` records that match, oldest first."""
        return [dict(record.data) for record in self.records.newest(pattern, limit)]

    def backfill(self, pattern: str = "*", limit: int | None = None) -> list[dict[str, Any]]:
        """The records that match, oldest first: all of them, or the first `limit`.

        Patterns are channels (`crypto_price:*`, `order_book:BTC/USDT`) or raw keys (`data_feed:*:BTCUSDT:*`).
        For more than the memory holds there is `pages`.
        """
        found: list[dict[str, Any]] = []
        for page in self.pages(pattern, PAGE if limit is None else min(PAGE, limit)):
            found += page
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    def pages(self, pattern: str = "*", size: int = PAGE) -> Iterator[list[dict[str, Any]]]:
        """The records that match, oldest first, in pages of `size`."""
        for page in self.records.pages(pattern, size):
            yield [dict(record.data) for record in page]

    def count(self, pattern: str = "*") -> int:
        """How many records match."""
        return self.records.count(pattern)

    def copy_from(self, other: DBConnector, pattern: str = "*") -> int:
        """Adds the records of another place that are not here yet, and returns how many.

        A record is known by its key, moment and type; copying twice adds nothing the second time.
        """
        added = 0
        for page in other.records.pages(pattern, PAGE):
            new = [
                replace(record, id=0, source_file_id=None) for record in page if not self.records.has(record)
            ]
            self.records.append(new)
            added += len(new)
        return added

    def close(self) -> None:
        """Closes the place; the next call opens it again."""
        self.records.close()

    def __enter__(self) -> DBConnector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _checked(self, data: Mapping[str, Any]) -> FeedRecord:
        if isinstance(data.get("timestamp"), int):
            log.warning("a record came with a whole number as its time; it is read as seconds or by its size")
        try:
            return make_record(data, provenance=self.provenance)
        except RecordRefused as error:
            self.records.refuse(error, data, self.provenance)
            raise


def _workspace(given: Workspace | Path | str | None) -> Workspace:
    if isinstance(given, Workspace):
        return given
    return resolve_workspace(None if given is None else str(given))
