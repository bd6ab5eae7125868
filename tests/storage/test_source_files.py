"""What is known of a file stands or falls with the rows that were read from it."""

import sqlite3
from dataclasses import replace

import pytest

from storage.database import transaction
from storage.quarantine import QuarantineRow, add_to_quarantine, quarantine
from storage.source_files import (
    DONE,
    REFUSED,
    TAILING,
    SourceFileRow,
    list_source_files,
    read_before,
    save_source_file,
    source_file,
    source_file_at,
    source_files_at,
)

ROW = SourceFileRow(
    id=0, path="/data/bot.log", kind="bot.log", state=TAILING, first_seen_ms=1, updated_ms=2, sha256="ab",
    device=3, inode=4, offset=100, line=7, size=120,
)  # fmt: skip


def test_a_row_comes_back_as_it_was_saved(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        row_id = save_source_file(connection, ROW)
    kept = source_file(connection, row_id)
    assert kept is not None
    assert kept == replace(ROW, id=row_id, rev=kept.rev)
    assert source_file_at(connection, ROW.path) == kept
    assert source_file(connection, row_id + 1) is None


def test_a_later_state_replaces_the_row_under_a_higher_revision(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        row_id = save_source_file(connection, ROW)
        first = source_file(connection, row_id)
        assert save_source_file(connection, replace(ROW, id=row_id, offset=120, line=8)) == row_id
    kept = source_file(connection, row_id)
    assert first is not None and kept is not None
    assert (kept.offset, kept.line) == (120, 8)
    assert kept.rev > first.rev
    assert len(list_source_files(connection)) == 1


def test_an_offset_falls_with_the_transaction_of_its_rows(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        row_id = save_source_file(connection, ROW)
    with pytest.raises(RuntimeError), transaction(connection):
        save_source_file(connection, replace(ROW, id=row_id, offset=120))
        raise RuntimeError
    kept = source_file(connection, row_id)
    assert kept is not None and kept.offset == 100


def test_of_a_path_that_was_rotated_the_newest_is_found_first(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        save_source_file(connection, ROW)
        save_source_file(connection, replace(ROW, inode=5))
    assert [row.inode for row in source_files_at(connection, ROW.path)] == [5, 4]


def test_only_a_file_that_was_read_to_its_end_counts_as_read_before(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        row_id = save_source_file(connection, replace(ROW, state=REFUSED))
    assert read_before(connection, "ab", "bot.log") is None
    with transaction(connection):
        save_source_file(connection, replace(ROW, id=row_id, state=DONE))
    found = read_before(connection, "ab", "bot.log")
    assert found is not None and found.id == row_id
    assert read_before(connection, "ab", "news") is None


def test_a_source_that_is_read_again_has_its_refused_lines_once(connection: sqlite3.Connection) -> None:
    rows = [QuarantineRow(3, "price", "is empty", "a,,b"), QuarantineRow(9, "row", "is cut", "a")]
    with transaction(connection):
        assert quarantine(connection, "x.csv", "ab", rows) == 2
        assert quarantine(connection, "x.csv", "ab", rows[:1]) == 1
        assert add_to_quarantine(connection, "x.csv", "ab", rows[1:]) == 1
    kept = connection.execute("SELECT line, field, reason, raw FROM quarantine ORDER BY id").fetchall()
    assert kept == [(3, "price", "is empty", "a,,b"), (9, "row", "is cut", "a")]
