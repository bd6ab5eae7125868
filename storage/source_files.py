"""The operator's files: which were read, what they were recognised as, how far, and what became of them."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass, fields

from storage.insert import insert_row
from storage.revision import next_rev

DONE = "done"
TAILING = "tailing"
REFUSED = "refused"


@dataclass(frozen=True)
class SourceFileRow:
    """One file. `id` is 0 for a row that is not stored yet; `rev` is set when it is saved.

    `offset` is the number of bytes and `line` of lines that were consumed. A file that grows is known
    by `device` and `inode`; a whole file by `sha256`. `rows` were stored, `refused` could not be, and
    `quarantined` of these were kept with their reasons.
    """

    id: int
    path: str
    kind: str
    state: str
    first_seen_ms: int
    updated_ms: int
    symbol: str = ""
    sha256: str = ""
    device: int = 0
    inode: int = 0
    offset: int = 0
    line: int = 0
    size: int = 0
    rows: int = 0
    refused: int = 0
    quarantined: int = 0
    note: str = ""
    rev: int = 0


_COLUMNS = tuple(entry.name for entry in fields(SourceFileRow))
_SELECT = "SELECT " + ", ".join(f'"{column}"' for column in _COLUMNS) + " FROM source_file"


def save_source_file(connection: sqlite3.Connection, row: SourceFileRow) -> int:
    """Inserts the row of a new file (`id` 0) or replaces an older state of it; returns its id.

    Call it inside the transaction that stores what was read, so that both stand or fall together.
    """
    columns, values = _COLUMNS[1:], (*astuple(row)[1:-1], next_rev(connection))
    if row.id == 0:
        return insert_row(connection, "source_file", columns, values)
    assignments = ", ".join(f'"{column}" = ?' for column in columns)
    connection.execute(f"UPDATE source_file SET {assignments} WHERE id = ?", (*values, row.id))
    return row.id


def source_file_at(connection: sqlite3.Connection, path: str) -> SourceFileRow | None:
    """The newest row of a path; None for a path that was never read."""
    return _first(connection, "WHERE path = ? ORDER BY id DESC LIMIT 1", path)


def source_files_at(connection: sqlite3.Connection, path: str) -> list[SourceFileRow]:
    """Every file that was read under a path, the newest first (a log that was rotated has several)."""
    rows = connection.execute(f"{_SELECT} WHERE path = ? ORDER BY id DESC", (path,)).fetchall()
    return [SourceFileRow(*row) for row in rows]


def source_file(connection: sqlite3.Connection, source_file_id: int) -> SourceFileRow | None:
    """The row with an id."""
    return _first(connection, "WHERE id = ?", source_file_id)


def read_before(connection: sqlite3.Connection, sha256: str, kind: str) -> SourceFileRow | None:
    """The row of a file of this kind with the same bytes that was read to its end, under whatever name."""
    where = "WHERE sha256 = ? AND kind = ? AND state = 'done' ORDER BY id DESC LIMIT 1"
    return _first(connection, where, sha256, kind)


def list_source_files(connection: sqlite3.Connection, *, limit: int = -1) -> list[SourceFileRow]:
    """Every file, or `limit` of them, the one that changed last first."""
    rows = connection.execute(f"{_SELECT} ORDER BY updated_ms DESC, id DESC LIMIT ?", (limit,)).fetchall()
    return [SourceFileRow(*row) for row in rows]


def _first(connection: sqlite3.Connection, where: str, *values: object) -> SourceFileRow | None:
    rows = connection.execute(f"{_SELECT} {where}", values).fetchall()
    return SourceFileRow(*rows[0]) if rows else None
