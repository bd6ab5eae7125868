"""How the database is opened, how writers wait, and what they are told when it does not work."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import connect, joined_transaction, open_database, transaction
from storage.errors import DatabaseDamaged, DatabaseLocked, DatabaseTooNew, DiskFull, StorageError
from storage.events import record_event
from storage.lock_holder import UNKNOWN_HOLDER, find_lock_holder
from storage.workspace import Workspace
from tests.storage.processes import kill, program, says, tell


def count_events(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])


def test_a_connection_loses_nothing_at_a_power_cut_and_keeps_references(
    connection: sqlite3.Connection,
) -> None:
    def pragma(name: str) -> object:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2
    assert pragma("foreign_keys") == 1
    assert pragma("busy_timeout") == 30_000
    assert connection.isolation_level is None


def test_a_transaction_is_kept_as_a_whole_or_not_at_all(connection: sqlite3.Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction(connection):
        record_event(connection, "test", "before the error")
        _ = 1 / 0
    assert not connection.in_transaction
    assert count_events(connection) == 0
    with transaction(connection):
        record_event(connection, "test", "without an error")
    assert count_events(connection) == 1


def test_a_broken_reference_is_refused_and_rolled_back(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        record_event(connection, "test", "before the error")
        connection.execute("INSERT INTO signal_position VALUES (1, 1, 0)")
    assert count_events(connection) == 0


def test_a_joined_transaction_stands_or_falls_with_the_outer_one(connection: sqlite3.Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction(connection):
        with joined_transaction(connection):
            record_event(connection, "test", "inside")
        _ = 1 / 0
    assert count_events(connection) == 0
    with joined_transaction(connection):
        record_event(connection, "test", "alone")
    assert not connection.in_transaction
    assert count_events(connection) == 1


def test_a_locked_database_names_who_holds_it(workspace: Workspace) -> None:
    with (
        program("hold_the_lock", workspace.database) as holder,
        closing(connect(workspace.database, busy_timeout_ms=50)) as connection,
    ):
        assert says(holder) == "held"
        with pytest.raises(DatabaseLocked) as raised, transaction(connection):
            record_event(connection, "test", "never written")
        assert f"process {holder.pid} (" in str(raised.value)
        assert "hold_the_lock.py" in str(raised.value)
        assert "0.05 s" in str(raised.value)
        assert count_events(connection) == 0, "readers are not locked out"


def test_a_locked_database_waits_until_it_is_free(workspace: Workspace) -> None:
    written = threading.Event()
    begins = threading.Event()

    def write() -> None:
        with closing(connect(workspace.database)) as connection:
            begins.set()
            with transaction(connection):
                record_event(connection, "test", "waited")
            written.set()

    with program("hold_the_lock", workspace.database) as holder:
        assert says(holder) == "held"
        writer = threading.Thread(target=write)
        writer.start()
        assert begins.wait(60)
        assert not written.is_set()
        tell(holder, "let go")
        writer.join()
    assert written.is_set()


def test_the_holder_may_be_another_connection_of_this_process(workspace: Workspace) -> None:
    with (
        closing(connect(workspace.database)) as first,
        closing(connect(workspace.database, busy_timeout_ms=10)) as second,
        transaction(first),
        pytest.raises(DatabaseLocked, match=rf"another connection of this process \(pid {os.getpid()}\)"),
        transaction(second),
    ):
        pytest.fail("two wrote at once")


def test_asking_for_the_holder_does_not_drop_its_lock(workspace: Workspace) -> None:
    with closing(connect(workspace.database)) as connection:
        with transaction(connection):
            assert find_lock_holder(workspace.database).pid == os.getpid()
            with program("try_to_write", workspace.database) as other:
                assert says(other) == "locked"
        with program("try_to_write", workspace.database) as other:
            assert says(other) == "free"
        assert find_lock_holder(workspace.database) == UNKNOWN_HOLDER


def test_nobody_holds_a_database_whose_writer_was_killed(workspace: Workspace) -> None:
    with program("hold_the_lock", workspace.database) as holder:
        assert says(holder) == "held"
        kill(holder)
    assert find_lock_holder(workspace.database) == UNKNOWN_HOLDER
    assert str(UNKNOWN_HOLDER) == "another process"


def test_a_full_disk_keeps_nothing_of_the_transaction(connection: sqlite3.Connection) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull, match="free some space"), transaction(connection):
        for _ in range(1000):
            record_event(connection, "test", "x" * 1000)
    assert not connection.in_transaction
    assert count_events(connection) == 0
    connection.execute(f"PRAGMA max_page_count = {pages * 10}")
    with transaction(connection):
        record_event(connection, "test", "there is room again")
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_reader_cannot_write(workspace: Workspace) -> None:
    with closing(connect(workspace.database, readonly=True)) as reader:
        assert count_events(reader) == 0
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM event")


def test_a_missing_database_is_not_made_by_looking_at_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database here"):
        connect(tmp_path / "cointrader.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    workspace.database.write_bytes(b"time,open,high,low,close\n" * 100)
    with pytest.raises(DatabaseDamaged, match="not a database"):
        open_database(workspace)
    assert workspace.database.read_bytes().startswith(b"time,open"), "it was left alone"


def test_a_database_of_a_newer_version_is_left_alone(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    connection.execute("PRAGMA user_version = 999")
    with pytest.raises(DatabaseTooNew, match="schema version 999; this program knows versions up to"):
        open_database(workspace)
    assert list(workspace.backups.iterdir()) == []


def test_names_with_odd_characters_are_paths_and_nothing_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "a ?mode=memory#100%é")
    with closing(open_database(workspace)) as connection, transaction(connection):
        record_event(connection, "test", "kept")
    with closing(open_database(workspace)) as connection:
        assert count_events(connection) == 1
    assert workspace.database.is_file()
