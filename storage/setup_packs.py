"""Which pack file holds the arrays of which setups, and how setups move from one to another.

A pack that was put together with others stays for a while after its setups have moved: somebody may just have
read where they lay. It goes when the next ones are put together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.insert import insert_row
from storage.setups import PackFile

RETIRED = "retired "
"""What stands before the layout of a pack whose setups have moved."""


def newest_places(
    connection: sqlite3.Connection, symbol: str, timeframe_ms: int, limit: int
) -> list[tuple[int, int, int]]:
    """(setup, pack, row) of the newest setups of a series, oldest of them first."""
    rows = connection.execute(
        "SELECT id, pack_id, pack_row FROM setup WHERE symbol = ? AND timeframe_ms = ? "
        "ORDER BY ts_ms DESC LIMIT ?",
        (symbol, timeframe_ms, limit),
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in reversed(rows)]


def packs_of_series(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> list[int]:
    """The ids of the packs that hold setups of a series."""
    rows = connection.execute(
        "SELECT DISTINCT pack_id FROM setup WHERE symbol = ? AND timeframe_ms = ? ORDER BY pack_id",
        (symbol, timeframe_ms),
    ).fetchall()
    return [int(row[0]) for row in rows]


def setups_of_pack(
    connection: sqlite3.Connection, pack_id: int, symbol: str, timeframe_ms: int
) -> list[tuple[int, int, str]]:
    """(id, ts_ms, SHA-256) of the setups of a series that lie in a pack, oldest first."""
    rows = connection.execute(
        "SELECT id, ts_ms, sha256 FROM setup WHERE symbol = ? AND timeframe_ms = ? AND pack_id = ? "
        "ORDER BY ts_ms",
        (symbol, timeframe_ms, pack_id),
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def move_setups(
    connection: sqlite3.Connection, pack: PackFile, setup_ids: Sequence[int], retired: Sequence[int]
) -> None:
    """Setup i of those named now lies in row i of a pack that is whole on the disk; older packs retire."""
    with joined_transaction(connection):
        known = connection.execute("SELECT id FROM setup_pack WHERE sha256 = ?", (pack.sha256,)).fetchall()
        if known:
            pack_id = int(known[0][0])
        else:
            columns = ("path", "sha256", "bytes", "rows", "layout", "created_ms")
            values = (pack.path, pack.sha256, pack.bytes, pack.rows, pack.layout, now_ms())
            pack_id = insert_row(connection, "setup_pack", columns, values)
        connection.executemany(
            "UPDATE setup SET pack_id = ?, pack_row = ? WHERE id = ?",
            [(pack_id, row, setup_id) for row, setup_id in enumerate(setup_ids)],
        )
        connection.executemany(
            "UPDATE setup_pack SET layout = ? || layout WHERE id = ? AND id <> ? AND layout NOT LIKE ?",
            [(RETIRED, old, pack_id, f"{RETIRED}%") for old in retired],
        )


def drop_retired(connection: sqlite3.Connection) -> list[str]:
    """Forgets the retired packs that no setup lies in, and returns the paths of their files."""
    with joined_transaction(connection):
        rows = connection.execute(
            "DELETE FROM setup_pack WHERE layout LIKE ? AND id NOT IN (SELECT DISTINCT pack_id FROM setup) "
            "RETURNING path",
            (f"{RETIRED}%",),
        ).fetchall()
        paths = {str(row[0]) for row in rows}
        kept = connection.execute("SELECT path FROM setup_pack").fetchall() if paths else []
    return sorted(paths - {str(row[0]) for row in kept})
