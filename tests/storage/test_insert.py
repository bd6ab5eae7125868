"""Rows go in by checked names, in bulk, and can be found by their words."""

import sqlite3

import pytest

from storage.database import transaction
from storage.errors import StorageError
from storage.insert import index_text, insert_row, insert_rows, reindex_text
from storage.revision import current_rev, next_rev
from tests.storage.rows import add_run, add_signals

EVENT = ("ts_ms", "kind", "severity", "subject", "text")


def found(connection: sqlite3.Connection, table: str, words: str) -> list[int]:
    query = f"SELECT rowid FROM {table}_text WHERE {table}_text MATCH ? ORDER BY rowid"
    return [row[0] for row in connection.execute(query, (f'"{words}"',)).fetchall()]


def test_rows_are_inserted_in_order_and_counted(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        count = insert_rows(
            connection, "event", EVENT, ((n, "test", "info", "", f"row {n}") for n in range(1000))
        )
    assert count == 1000
    assert connection.execute("SELECT id, ts_ms, text FROM event LIMIT 2").fetchall() == [
        (1, 0, "row 0"),
        (2, 1, "row 1"),
    ]


def test_no_rows_are_no_error(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        assert insert_rows(connection, "event", EVENT, []) == 0


def test_the_id_of_one_row_comes_back_and_is_never_used_again(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        first = insert_row(connection, "event", EVENT, (0, "test", "info", "", "one"))
        connection.execute("DELETE FROM event")
        second = insert_row(connection, "event", EVENT, (0, "test", "info", "", "two"))
    assert (first, second) == (1, 2)


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        ("events", EVENT, "no table 'events'"),
        ("event", ("ts_ms", "knid"), "event has no column 'knid'"),
        ("event", ("ts_ms", "ts_ms"), "each once"),
        ("event", (), "columns must be named"),
        ('event" (ts_ms) VALUES (1) --', EVENT, "no table"),
        ("event", ('ts_ms") VALUES (1) --',), "no column"),
    ],
)
def test_names_that_do_not_exist_never_reach_sql(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(StorageError, match=message):
        insert_rows(connection, table, columns, [(0,) * len(columns)])


def test_signals_are_found_by_three_letters_of_a_word_in_any_case(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run_id = add_run(connection)
        add_signals(connection, run_id, 3)
        assert index_text(connection, "signal", 0) == 3
        add_signals(connection, run_id, 2)
        assert index_text(connection, "signal", 3) == 2
    assert found(connection, "signal", "mOMen") == [1, 2, 3, 4, 5]
    assert found(connection, "signal", "btc/usd") == [1, 2, 3, 4, 5]
    assert found(connection, "signal", "grid") == []


def test_a_changed_row_is_found_by_what_it_says_now(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        add_signals(connection, add_run(connection), 2)
        index_text(connection, "signal", 0)
        connection.execute("UPDATE signal SET side = 'short' WHERE id = 2")
        reindex_text(connection, "signal", 2)
    assert found(connection, "signal", "short") == [2]
    assert found(connection, "signal", "long") == [1]


def test_only_tables_with_text_are_searched(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="tables with one are signal, rejection, position"):
        index_text(connection, "job", 0)


def test_revisions_rise_by_one_and_fall_back_with_their_transaction(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        assert (next_rev(connection), next_rev(connection)) == (1, 2)
    with pytest.raises(ZeroDivisionError), transaction(connection):
        assert next_rev(connection) == 3
        _ = 1 / 0
    assert current_rev(connection) == 2


def test_a_revision_outside_of_a_transaction_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="inside a transaction"):
        next_rev(connection)
