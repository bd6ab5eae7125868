"""Rows go in through the driver's executemany: nothing stands between the caller's tuples and SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from storage.errors import StorageError

# What a free-text search looks through, a table: its words, separated by spaces.
_SEARCHED_TEXT = {
    "signal": "symbol || ' ' || strategy || ' ' || side",
    "rejection": "symbol || ' ' || strategy || ' ' || side || ' ' || code || ' ' || text",
    "position": "symbol || ' ' || strategy || ' ' || side || ' ' || exit_reason",
}

# What was checked once: names of a table and its columns are safe in every database, and one that lacks them,
# an older one, refuses the statement itself.
_STATEMENTS: dict[tuple[str, tuple[str, ...]], str] = {}


def insert_rows(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Inserts rows (tuples in the order of `columns`) and returns how many; call it inside a transaction.

    Raises StorageError when the table or a column does not exist.
    """
    return connection.executemany(_statement(connection, table, tuple(columns)), rows).rowcount


def insert_row(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], row: Sequence[object]
) -> int:
    """Inserts one row and returns its id. Raises StorageError when a name does not exist."""
    row_id = connection.execute(_statement(connection, table, tuple(columns)), row).lastrowid
    if row_id is None:
        raise StorageError(f"{table}: the row was not inserted")
    return row_id


def index_text(connection: sqlite3.Connection, table: str, after_id: int) -> int:
    """Makes the rows with an id above `after_id` searchable and returns how many there were.

    `table` is signal, rejection or position. In bulk: row by row costs several times as much.
    """
    return connection.execute(
        f"INSERT INTO {table}_text(rowid, text) SELECT id, {_searched(table)} FROM {table} WHERE id > ?",
        (after_id,),
    ).rowcount


def merge_text_seldom(connection: sqlite3.Connection, *tables: str) -> None:
    """Lets the text index of tables merge only when it must; for rows that are written one at a time.

    By default FTS5 merges a little at almost every write, and with a million rows behind it that little is
    tens of milliseconds. Without, sixteen equal parts are merged into one when the sixteenth is full. The
    setting is kept in the database; call it inside a transaction.
    https://www.sqlite.org/fts5.html#the_automerge_configuration_option
    """
    for table in tables:
        _searched(table)
        wanted = f"SELECT 1 FROM {table}_text_config WHERE k = 'automerge' AND v = 0"
        if not connection.execute(wanted).fetchall():
            connection.execute(f"INSERT INTO {table}_text({table}_text, rank) VALUES ('automerge', 0)")


def reindex_text(connection: sqlite3.Connection, table: str, row_id: int) -> None:
    """Makes one changed row searchable by what it says now (a position that was closed)."""
    text = _searched(table)
    connection.execute(f"DELETE FROM {table}_text WHERE rowid = ?", (row_id,))
    connection.execute(
        f"INSERT INTO {table}_text(rowid, text) SELECT id, {text} FROM {table} WHERE id = ?", (row_id,)
    )


def check_columns(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
    """Raises StorageError unless the table has all these columns, each named once.

    Names cannot be bound as parameters; this is what lets them be written into SQL.
    """
    known = {
        row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
    }
    if not known:
        raise StorageError(f"there is no table {table!r} in the database")
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise StorageError(f"{table} has no column {', '.join(map(repr, unknown))}")
    if not columns or len(set(columns)) != len(columns):
        raise StorageError(f"{table}: columns must be named, each once: {', '.join(columns)}")


def _statement(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> str:
    statement = _STATEMENTS.get((table, columns))
    if statement is None:
        check_columns(connection, table, columns)
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        statement = _STATEMENTS[table, columns] = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
    return statement


def _searched(table: str) -> str:
    try:
        return _SEARCHED_TEXT[table]
    except KeyError:
        known = ", ".join(_SEARCHED_TEXT)
        raise StorageError(f"{table!r} has no text to search; tables with one are {known}") from None
