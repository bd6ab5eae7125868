"""Setups as rows: written once each with the counts of their collection, and read back by place or number.

Arrays are not here: a row names the pack file and the row of it that hold them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from storage.clock import now_ms
from storage.collection import Refused, count_collected
from storage.database import joined_transaction
from storage.errors import StorageError
from storage.insert import insert_row
from storage.revision import next_rev

ORIGINS = ("signal", "rapid", "extreme", "interval")
STATES = ("waiting", "validated", "incomplete")


class NewSetup(NamedTuple):
    """A setup that is not stored yet; the names are those of the table's columns.

    `flags` has bit i set where field i of the package is valid; `pack_row` counts from 0.
    """

    ts_ms: int
    symbol: str
    timeframe_ms: int
    origin: str
    side: str
    taken: int
    signal_id: int | None
    price: float
    completeness: float
    flags: int
    rapid: int
    velocity: float | None
    spike: float | None
    extreme: int
    sha256: str
    md5: str
    pack_row: int
    provenance: str


@dataclass(frozen=True)
class PackFile:
    """A file of arrays that is whole on the disk; `path` is relative to the workspace."""

    path: str
    sha256: str
    bytes: int
    rows: int
    layout: str
    id: int = 0


@dataclass(frozen=True)
class SetupRow:
    """One row of `setup`; what an outcome gives is None until there is one."""

    id: int
    ts_ms: int
    symbol: str
    timeframe_ms: int
    origin: str
    side: str
    taken: int
    signal_id: int | None
    price: float
    completeness: float
    flags: int
    rapid: int
    velocity: float | None
    spike: float | None
    extreme: int
    sha256: str
    md5: str
    pack_id: int
    pack_row: int
    provenance: str
    state: str
    net_return: float | None
    score: float | None
    is_profitable: int | None
    optimal_action: int | None
    priority: float
    value: float | None
    training_count: int
    collected_ms: int
    rev: int


_SETUP_COLUMNS = ", ".join(field.name for field in fields(SetupRow))
_PACK_COLUMNS = "path, sha256, bytes, rows, layout, id"
_WRITTEN = (*NewSetup._fields, "pack_id", "collected_ms", "rev")
_INSERT = (
    f"INSERT INTO setup ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))}) "
    "ON CONFLICT (symbol, timeframe_ms, ts_ms) DO NOTHING"
)


def add_setups(
    connection: sqlite3.Connection,
    pack: PackFile | None,
    rows: Sequence[NewSetup],
    *,
    symbol: str,
    timeframe_ms: int,
    until_ms: int,
    refused: Mapping[str, Refused] | None = None,
) -> int:
    """Adds setups of one series with the pack that holds their arrays, and returns how many were new.

    A moment that is stored already stays as it is. In the same transaction the collection of the series
    moves on to `until_ms` and counts what was collected and what was refused, by reason; a pack that brings
    nothing new leaves no row. Raises StorageError where there are rows without a pack.
    """
    if rows and pack is None:
        raise StorageError(f"{symbol}: setups need the pack that holds their arrays")
    with joined_transaction(connection):
        fresh = _without_known(connection, rows, symbol, timeframe_ms)
        rev, at_ms = next_rev(connection), now_ms()
        if fresh and pack is not None:
            pack_id = _add_pack(connection, pack, at_ms)
            connection.executemany(_INSERT, [(*row, pack_id, at_ms, rev) for row in fresh])
        count_collected(
            connection,
            symbol,
            timeframe_ms,
            until_ms=until_ms,
            collected=len(fresh),
            rapid=sum(row.rapid for row in fresh),
            completeness_sum=sum(row.completeness for row in fresh),
            refused=refused or {},
            at_ms=at_ms,
            rev=rev,
        )
    return len(fresh)


def known_moments(
    connection: sqlite3.Connection, symbol: str, timeframe_ms: int, first_ms: int, last_ms: int
) -> set[int]:
    """The moments of a series between two times, both included, that a setup is stored for."""
    rows = connection.execute(
        "SELECT ts_ms FROM setup WHERE symbol = ? AND timeframe_ms = ? AND ts_ms BETWEEN ? AND ?",
        (symbol, timeframe_ms, first_ms, last_ms),
    ).fetchall()
    return {row[0] for row in rows}


def get_setup(connection: sqlite3.Connection, setup_id: int) -> SetupRow:
    """One setup. Raises StorageError when there is none of this id."""
    rows = connection.execute(f"SELECT {_SETUP_COLUMNS} FROM setup WHERE id = ?", (setup_id,)).fetchall()
    if not rows:
        raise StorageError(f"there is no setup {setup_id}")
    return SetupRow(*rows[0])


def setup_at(connection: sqlite3.Connection, symbol: str, timeframe_ms: int, ts_ms: int) -> SetupRow | None:
    """The setup of one moment of a series, if it was collected."""
    rows = connection.execute(
        f"SELECT {_SETUP_COLUMNS} FROM setup WHERE symbol = ? AND timeframe_ms = ? AND ts_ms = ?",
        (symbol, timeframe_ms, ts_ms),
    ).fetchall()
    return SetupRow(*rows[0]) if rows else None


def setups_after(
    connection: sqlite3.Connection, symbol: str, timeframe_ms: int, after_ms: int, limit: int
) -> list[SetupRow]:
    """The first `limit` setups of a series later than a time, oldest first."""
    rows = connection.execute(
        f"SELECT {_SETUP_COLUMNS} FROM setup WHERE symbol = ? AND timeframe_ms = ? AND ts_ms > ? "
        "ORDER BY ts_ms LIMIT ?",
        (symbol, timeframe_ms, after_ms, limit),
    ).fetchall()
    return [SetupRow(*row) for row in rows]


def count_training(connection: sqlite3.Connection, counts: Mapping[int, int]) -> None:
    """Adds to how often each setup (by id) was trained on."""
    with joined_transaction(connection):
        rev = next_rev(connection)
        connection.executemany(
            "UPDATE setup SET training_count = training_count + ?, rev = ? WHERE id = ?",
            [(count, rev, setup_id) for setup_id, count in counts.items()],
        )


def packs(connection: sqlite3.Connection, ids: Collection[int] | None = None) -> list[PackFile]:
    """The pack files of these ids, or all of them, by id."""
    if ids is None:
        rows = connection.execute(f"SELECT {_PACK_COLUMNS} FROM setup_pack ORDER BY id").fetchall()
        return [PackFile(*row) for row in rows]
    found = []
    for pack_id in sorted(ids):
        query = f"SELECT {_PACK_COLUMNS} FROM setup_pack WHERE id = ?"
        found += [PackFile(*row) for row in connection.execute(query, (pack_id,)).fetchall()]
    return found


def signals_of(
    connection: sqlite3.Connection, symbol: str, after_ms: int
) -> list[tuple[int, int, str, bool]]:
    """(ts_ms, id, side, accepted) of the signals of a symbol later than a time, one a moment.

    Where several signalled at one moment an accepted one is taken before a rejected one, then the most
    confident.
    """
    rows = connection.execute(
        "SELECT ts_ms, id, side, status = 'accepted' FROM signal WHERE symbol = ? AND ts_ms > ? "
        "ORDER BY ts_ms, status = 'accepted', confidence, id DESC",
        (symbol, after_ms),
    ).fetchall()
    best = {row[0]: row for row in rows}  # of one moment the last one wins
    return [(row[0], row[1], row[2], bool(row[3])) for row in best.values()]


def _without_known(
    connection: sqlite3.Connection, rows: Sequence[NewSetup], symbol: str, timeframe_ms: int
) -> list[NewSetup]:
    if not rows:
        return []
    moments = [row.ts_ms for row in rows]
    known = known_moments(connection, symbol, timeframe_ms, min(moments), max(moments))
    return [row for row in rows if row.ts_ms not in known]


def _add_pack(connection: sqlite3.Connection, pack: PackFile, at_ms: int) -> int:
    known = connection.execute("SELECT id FROM setup_pack WHERE sha256 = ?", (pack.sha256,)).fetchall()
    if known:
        return int(known[0][0])
    columns = ("path", "sha256", "bytes", "rows", "layout", "created_ms")
    values = (pack.path, pack.sha256, pack.bytes, pack.rows, pack.layout, at_ms)
    return insert_row(connection, "setup_pack", columns, values)
