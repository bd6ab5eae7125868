"""What keeps records: the workspace's database, or a Redis; both behind the same few calls."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from cointrader.data_feeds.records.validation import RecordRefused
from storage.database import open_database, transaction
from storage.feed_records import (
    FeedRecord,
    append_records,
    count_records,
    find_records,
    has_record,
    newest_records,
)
from storage.quarantine import QuarantineRow, add_to_quarantine
from storage.workspace import Workspace

PAGE = 1_000
SHOWN_RAW = 500


class FeedStore(Protocol):
    """A place for records. Pages are lists in order of time."""

    def append(self, records: Sequence[FeedRecord]) -> list[str]:
        """Adds records; returns their keys."""
        ...

    def refuse(self, error: RecordRefused, data: Mapping[str, Any], source: str) -> None:
        """Keeps what was refused, with the reason."""
        ...

    def pages(self, pattern: str, size: int) -> Iterator[list[FeedRecord]]:
        """The records that match, page by page, oldest first."""
        ...

    def newest(self, pattern: str, limit: int) -> list[FeedRecord]:
        """The latest `limit` records that match, oldest first."""
        ...

    def count(self, pattern: str) -> int:
        """How many records match."""
        ...

    def has(self, record: FeedRecord) -> bool:
        """Whether a record with this key, moment and type is there."""
        ...

    def close(self) -> None:
        """Ends the use of the place."""
        ...


class WorkspaceStore:
    """Records in the database of a workspace, opened at the first use; may be used by several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection to the database."""
        with self._lock:
            if self._opened is None:
                self._opened = open_database(self.workspace)
            return self._opened

    def append(self, records: Sequence[FeedRecord]) -> list[str]:
        with self._lock, transaction(self.connection):
            append_records(self.connection, records)
        return [record.key for record in records]

    def refuse(self, error: RecordRefused, data: Mapping[str, Any], source: str) -> None:
        raw = json.dumps(dict(data), default=str, ensure_ascii=False)[:SHOWN_RAW]
        row = QuarantineRow(0, error.field, error.reason, raw)
        with self._lock, transaction(self.connection):
            add_to_quarantine(self.connection, f"feed:{error.type}", "", [row])

    def pages(self, pattern: str, size: int) -> Iterator[list[FeedRecord]]:
        after: tuple[int, int] | None = None
        while True:
            with self._lock:
                found = find_records(self.connection, pattern, after=after, limit=size)
            if not found:
                return
            yield found
            after = found[-1].place

    def newest(self, pattern: str, limit: int) -> list[FeedRecord]:
        with self._lock:
            return newest_records(self.connection, pattern, limit)

    def count(self, pattern: str) -> int:
        with self._lock:
            return count_records(self.connection, pattern)

    def has(self, record: FeedRecord) -> bool:
        with self._lock:
            return has_record(self.connection, record)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None
