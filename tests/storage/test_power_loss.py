"""What was acknowledged is there, however the process ended."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from storage.database import connect, transaction
from storage.workspace import Workspace
from tests.storage.processes import kill, program, says
from tests.storage.rows import add_run

KILLS = 50


def write_until_killed(database: Path, acknowledgements: int) -> int:
    """Lets a writer commit some transactions, kills it; the last id that it acknowledged."""
    with program("write_signals", database) as writer:
        for _ in range(acknowledgements):
            last = says(writer)
        kill(writer)
        assert writer.stdout is not None
        # What it had acknowledged between the last line read and the kill counts as well.
        rest = writer.stdout.read().splitlines()
    return int((rest or [last])[-1].split()[1])


def test_every_acknowledged_signal_survives_fifty_kills(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with transaction(connection):
        add_run(connection)
    connection.close()
    chance = random.Random(7)
    hot_logs = 0
    for _ in range(KILLS):
        acknowledged = write_until_killed(workspace.database, chance.randint(1, 12))
        hot_logs += Path(f"{workspace.database}-wal").exists()
        with closing(connect(workspace.database)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            count, newest, wrong = opened.execute(
                "SELECT count(*), max(id), sum(ts_ms <> id OR price <> id * 0.25) FROM signal"
            ).fetchone()
            searchable = opened.execute(
                "SELECT count(*) FROM signal_text WHERE signal_text MATCH '\"momentum\"'"
            ).fetchone()[0]
        assert newest >= acknowledged
        assert (count, searchable, wrong) == (newest, newest, 0)
    assert hot_logs == KILLS, "a writer ended by itself: nothing was killed while it wrote"


def test_a_reader_opens_what_a_killed_writer_left(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with transaction(connection):
        add_run(connection)
    connection.close()
    acknowledged = write_until_killed(workspace.database, 3)
    with closing(connect(workspace.database, readonly=True)) as reader:
        assert reader.execute("SELECT max(id) FROM signal").fetchone()[0] >= acknowledged


def test_a_writer_killed_inside_its_transaction_leaves_nothing_of_it_and_blocks_nobody(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with program("hold_the_lock", workspace.database) as writer:
        assert says(writer) == "held"
        kill(writer)
    with transaction(connection):
        assert connection.execute("SELECT count(*) FROM event").fetchall() == [(0,)]
