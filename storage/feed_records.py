"""What the feeds recorded: typed records, only ever added, read in order of time and in pages.

A record is found by the patterns that users of message brokers know: a channel (`crypto_price:*`) or a raw
key (`data_feed:*:BTCUSDT:*`), with `*`, `?` and `[...]`. Two records of one moment, symbol and type are two
records: the key tells what a record is, the id tells it apart.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from storage.clock import now_ms
from storage.insert import insert_rows

KEY_PREFIX = "data_feed:"
PAGE = 1_000

COLUMNS = ("ts_ms", "received_ms", "type", "symbol", "source", "key", "data_json", "provenance")
"""The columns that `column_values` gives; a file's records have its id besides."""

_ALL = (*COLUMNS, "source_file_id")
_SELECT = f"SELECT id, {', '.join(_ALL)} FROM feed_record"


@dataclass(frozen=True)
class FeedRecord:
    """One record. `ts_ms` is when it happened by its source, `received_ms` when it came here (0: now).

    `symbol` has the one spelling of the inside (BTC/USDT), '' where the record is of no single one; `data`
    are its fields as they came. `id` is 0 for a record that is not stored yet.
    """

    ts_ms: int
    type: str
    symbol: str
    source: str
    key: str
    data: Mapping[str, Any]
    provenance: str
    received_ms: int = 0
    source_file_id: int | None = None
    id: int = 0

    @property
    def place(self) -> tuple[int, int]:
        """Where the record stands in the order of all; reading goes on after it."""
        return self.ts_ms, self.id


def append_records(connection: sqlite3.Connection, records: Iterable[FeedRecord]) -> int:
    """Adds records and returns how many; call it inside a transaction."""
    received_ms = now_ms()
    rows = ((*column_values(each, received_ms), each.source_file_id) for each in records)
    return insert_rows(connection, "feed_record", _ALL, rows)


def column_values(record: FeedRecord, received_ms: int) -> tuple[object, ...]:
    """The values of COLUMNS; `received_ms` is that of a record which has none of its own."""
    data_json = json.dumps(dict(record.data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        record.ts_ms,
        record.received_ms or received_ms,
        record.type,
        record.symbol,
        record.source,
        record.key,
        data_json,
        record.provenance,
    )


def find_records(
    connection: sqlite3.Connection,
    pattern: str = "*",
    *,
    after: tuple[int, int] | None = None,
    limit: int = PAGE,
) -> list[FeedRecord]:
    """One page of the records that match, oldest first; `after` is the `place` of the last one before."""
    condition, values = _condition(pattern)
    if after is not None:
        condition, values = f"{condition} AND (ts_ms, id) > (?, ?)", [*values, *after]
    # One query a type, each along its index, merged: no page costs a sort of the table.
    found = [
        row
        for type in _types(connection, pattern)
        for row in connection.execute(
            f"{_SELECT} WHERE type = ? AND {condition} ORDER BY ts_ms, id LIMIT ?", (type, *values, limit)
        ).fetchall()
    ]
    found.sort(key=lambda row: (row[1], row[0]))
    return [_record(row) for row in found[:limit]]


def every_record(
    connection: sqlite3.Connection, pattern: str = "*", *, page: int = PAGE
) -> Iterator[FeedRecord]:
    """All records that match, oldest first, read page by page; no cursor stays open between two."""
    after: tuple[int, int] | None = None
    while found := find_records(connection, pattern, after=after, limit=page):
        yield from found
        after = found[-1].place


def newest_record(connection: sqlite3.Connection, pattern: str = "*") -> FeedRecord | None:
    """The latest record that matches."""
    found = newest_records(connection, pattern, 1)
    return found[0] if found else None


def newest_records(connection: sqlite3.Connection, pattern: str, limit: int) -> list[FeedRecord]:
    """The latest `limit` records that match, oldest first."""
    condition, values = _condition(pattern)
    found = [
        row
        for type in _types(connection, pattern)
        for row in connection.execute(
            f"{_SELECT} WHERE type = ? AND {condition} ORDER BY ts_ms DESC, id DESC LIMIT ?",
            (type, *values, limit),
        ).fetchall()
    ]
    found.sort(key=lambda row: (row[1], row[0]))
    return [_record(row) for row in found[-limit:]]


def count_records(connection: sqlite3.Connection, pattern: str = "*") -> int:
    """How many records match."""
    condition, values = _condition(pattern)
    return sum(
        int(row[0])
        for type in _types(connection, pattern)
        for row in connection.execute(
            f"SELECT count(*) FROM feed_record WHERE type = ? AND {condition}", (type, *values)
        ).fetchall()
    )


def has_record(connection: sqlite3.Connection, record: FeedRecord) -> bool:
    """Whether a record with this key, moment and type is stored."""
    rows = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM feed_record WHERE type = ? AND ts_ms = ? AND key = ?)",
        (record.type, record.ts_ms, record.key),
    ).fetchall()
    return bool(rows[0][0])


def record_types(connection: sqlite3.Connection) -> list[str]:
    """The types that there are records of; one step along the index a type."""
    rows = connection.execute(
        "WITH RECURSIVE known(type) AS (SELECT min(type) FROM feed_record UNION ALL "
        "SELECT (SELECT min(type) FROM feed_record WHERE type > known.type) FROM known "
        "WHERE known.type IS NOT NULL) SELECT type FROM known WHERE type IS NOT NULL"
    ).fetchall()
    return [str(row[0]) for row in rows]


def numbers_of(
    connection: sqlite3.Connection, type: str, fields: Sequence[str], symbols: Collection[str]
) -> list[tuple[Any, ...]]:
    """Rows of (ts_ms, symbol, one value a field ...) of the records of a type of some symbols, oldest first.

    A field that is absent, or no number, is None. What agents learn from is read this way: no JSON is
    parsed in Python.
    """
    value = "CASE WHEN json_type(data_json, ?) IN ('integer', 'real') THEN json_extract(data_json, ?) END"
    columns = ", ".join(["ts_ms", "symbol", *[value] * len(fields)])
    paths = [path for field in fields for path in (f'$."{field}"',) * 2]
    return connection.execute(
        f"SELECT {columns} FROM feed_record WHERE type = ? AND symbol IN ({_marks(symbols)}) "
        "ORDER BY ts_ms, id",
        (*paths, type, *symbols),
    ).fetchall()


def recorded_symbols(connection: sqlite3.Connection, type: str) -> tuple[str, ...]:
    """The symbols that there are records of a type of."""
    rows = connection.execute(
        "SELECT DISTINCT symbol FROM feed_record WHERE type = ? ORDER BY symbol", (type,)
    ).fetchall()
    return tuple(str(row[0]) for row in rows)


def provenances_of(connection: sqlite3.Connection, type: str, symbols: Collection[str]) -> set[str]:
    """Where the records of a type of some symbols come from."""
    rows = connection.execute(
        f"SELECT DISTINCT provenance FROM feed_record WHERE type = ? AND symbol IN ({_marks(symbols)})",
        (type, *symbols),
    ).fetchall()
    return {str(row[0]) for row in rows}


def coverage_of(
    connection: sqlite3.Connection, types: Sequence[str], symbol: str
) -> dict[str, tuple[int, int]]:
    """The first and the last moment of the records of a symbol, for each of the types that it has."""
    there = set(record_types(connection))
    query = "SELECT ts_ms FROM feed_record WHERE symbol = ? AND type = ? ORDER BY ts_ms {way} LIMIT 1"
    covered = {}
    for type in types:
        if type not in there:
            continue
        first = connection.execute(query.format(way="ASC"), (symbol, type)).fetchall()
        last = connection.execute(query.format(way="DESC"), (symbol, type)).fetchall()
        if first:
            covered[type] = (int(first[0][0]), int(last[0][0]))
    return covered


def records_before(
    connection: sqlite3.Connection,
    type: str,
    symbol: str,
    after_ms: int,
    until_ms: int,
    limit: int,
    *,
    synthetic: bool,
) -> list[tuple[int, str]]:
    """(ts_ms, JSON) of the last `limit` records later than a time and not later than another, oldest first.

    Made-up ones only where `synthetic` says so.
    """
    made_up = "" if synthetic else "AND provenance <> 'synthetic'"
    rows = connection.execute(
        "SELECT ts_ms, data_json FROM feed_record WHERE type = ? AND symbol = ? AND ts_ms > ? AND ts_ms <= ? "
        f"{made_up} ORDER BY ts_ms DESC, id DESC LIMIT ?",
        (type, symbol, after_ms, until_ms, limit),
    ).fetchall()
    return [(int(row[0]), str(row[1])) for row in reversed(rows)]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _types(connection: sqlite3.Connection, pattern: str) -> list[str]:
    """The types that a pattern can match; all where it does not begin with a channel."""
    known = record_types(connection)
    channel, colon, _ = pattern.partition(":")
    if pattern.startswith(KEY_PREFIX) or not colon:
        return known
    return [type for type in known if fnmatchcase(type, channel)]


def _condition(pattern: str) -> tuple[str, list[object]]:
    """What a pattern means in SQL: all, a channel (a type, then perhaps a symbol), else a raw key."""
    if pattern in ("", "*"):
        return "1", []
    channel, colon, symbol = pattern.partition(":")
    if pattern.startswith(KEY_PREFIX):
        return "key GLOB ?", [pattern]
    if not colon:
        # A word without a channel is one (`crypto_price`), or a part of keys (`*BTCUSDT*`).
        return "(type GLOB ? OR key GLOB ?)", [channel, channel]
    if symbol == "*":
        return "1", []
    # As it is spelled inside, and as it came: BTC/USDT and BTCUSDT; texts have a keyword in its place.
    as_came = "coalesce(json_extract(data_json, '$.symbol'), json_extract(data_json, '$.keyword'))"
    return f"(symbol GLOB ? OR {as_came} GLOB ?)", [symbol, symbol]


def _record(row: tuple[Any, ...]) -> FeedRecord:
    ident, ts_ms, received_ms, type, symbol, source, key, data_json, provenance, source_file_id = row
    data = json.loads(data_json)
    return FeedRecord(ts_ms, type, symbol, source, key, data, provenance, received_ms, source_file_id, ident)
