"""The newest question to the database is answered, and older ones are given up, whatever was interrupted."""

import sqlite3
import threading
from pathlib import Path

import pytest

from storage.database import open_database
from storage.workspace import Workspace
from tui.reader import Gate, Reader, Superseded

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    open_database(Workspace(tmp_path)).close()
    gate = Gate(Workspace(tmp_path).database)
    gate.open()
    return Reader(gate)


def test_an_interrupt_that_was_meant_for_an_older_question_does_not_lose_the_newest(reader: Reader) -> None:
    tries: list[int] = []

    def question(connection: sqlite3.Connection) -> int:
        tries.append(1)
        if len(tries) == 1:
            pending = connection.execute("VALUES (1), (2)")
            pending.fetchone()
            connection.interrupt()
            connection.execute("SELECT count(*) FROM signal").fetchall()
        return int(connection.execute("SELECT 7").fetchone()[0])

    assert reader.ask(reader.supersede(), question) == 7
    assert len(tries) == 2


def test_a_newer_question_ends_an_endless_one(reader: Reader) -> None:
    running = threading.Event()
    ended: list[Exception] = []

    def endless(connection: sqlite3.Connection) -> object:
        running.set()
        return connection.execute(ENDLESS).fetchall()

    def work(generation: int) -> None:
        try:
            reader.ask(generation, endless)
        except Superseded as error:
            ended.append(error)

    thread = threading.Thread(target=work, args=(reader.supersede(),))
    thread.start()
    running.wait()
    while thread.is_alive():
        newest = reader.supersede()
        thread.join(0.01)
    assert len(ended) == 1
    assert reader.ask(newest, lambda connection: connection.execute("SELECT 3").fetchall()) == [(3,)]


def test_another_error_of_the_newest_question_is_raised(reader: Reader) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        reader.ask(reader.supersede(), lambda connection: connection.execute("SELECT * FROM nowhere"))


def test_closing_does_not_wait_for_a_question_and_leaves_no_connection_open(reader: Reader) -> None:
    running = threading.Event()
    connections: list[sqlite3.Connection] = []

    def endless(connection: sqlite3.Connection) -> object:
        connections.append(connection)
        running.set()
        return connection.execute(ENDLESS).fetchall()

    def work() -> None:
        with pytest.raises(Superseded):
            reader.ask(generation, endless)

    generation = reader.supersede()
    thread = threading.Thread(target=work)
    thread.start()
    running.wait()
    reader.close()
    thread.join()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[0].execute("SELECT 1")


def test_a_gate_that_closes_turns_the_waiting_away(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "never.db")
    turned: list[Exception] = []

    def wait() -> None:
        try:
            gate.pass_through()
        except Superseded as error:
            turned.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    gate.close()
    thread.join()
    assert len(turned) == 1
