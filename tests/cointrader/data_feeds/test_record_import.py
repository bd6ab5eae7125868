"""A file of records goes in whole or not at all: killed at any moment, of any size."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import PART_1, counts, import_files

KILLED = """
import os, signal, sys
from pathlib import Path
from cointrader.data_feeds import record_import
from cointrader.data_feeds.front_door import FrontDoor
from storage.database import open_database
from storage.workspace import Workspace

def die(*arguments, **more):
    os.kill(os.getpid(), signal.SIGKILL)

workspace = Workspace(Path(sys.argv[1]))
moment = sys.argv[3]
if moment == "while rows are laid aside":
    record_import.BATCH = 5
    record_import.RecordSink.refuse = die
    lay_aside, laid = record_import.RecordSink.flush, []
    def flush(sink):
        lay_aside(sink)
        laid.append(1)
        if len(laid) == 3:
            die()
    record_import.RecordSink.flush = flush
elif moment == "after the rows were moved":
    record_import.quarantine = die
else:
    record_import.record_event = die
list(FrontDoor(workspace, open_database(workspace)).take([Path(sys.argv[2])]))
"""


@pytest.mark.parametrize(
    "moment", ["while rows are laid aside", "after the rows were moved", "before the commit"]
)
def test_a_kill_leaves_nothing_and_the_next_import_is_whole(workspace: Workspace, moment: str) -> None:
    command = [sys.executable, "-P", "-c", KILLED, str(workspace.root), str(PART_1), moment]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(open_database(workspace)) as connection:
        assert counts(connection) == {}
        assert connection.execute("SELECT count(*) FROM source_file").fetchone() == (0,)
        (outcome,) = import_files(workspace, connection, [PART_1])
        assert outcome.state == "imported"
        kept = counts(connection)
        assert kept["trade_tape"] == 11 and kept["book_state"] == 1
        assert import_files(workspace, connection, [PART_1])[0].state == "already there"
        assert counts(connection) == kept


MEASURED = """
import resource, sys
from pathlib import Path
from cointrader.data_feeds.front_door import FrontDoor
from storage.database import open_database
from storage.workspace import Workspace

workspace = Workspace(Path(sys.argv[1])).create()
connection = open_database(workspace)
peaks = []
for path in sys.argv[2:]:
    (outcome,) = FrontDoor(workspace, connection).take([Path(path)])
    assert outcome.state == "imported", outcome
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(*peaks)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    paths = []
    for rows in (2_000, 60_000):
        path = tmp_path / f"binance_BTCUSDT_trades_{rows}.csv"
        path.write_text("".join(f"{1_605_499_846 + n},{100 + n % 50}.5,0.5,ANY\n" for n in range(rows)))
        paths.append(str(path))
    command = [sys.executable, "-P", "-c", MEASURED, str(tmp_path / "workspace"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    small, large = (int(peak) for peak in done.stdout.split())
    # 60,000 records would be some 40 MiB of Python objects; kilobytes on Linux.
    assert large - small < 12_000


def test_records_and_the_row_of_their_file_stand_together(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    import_files(workspace, connection, [PART_1])
    rows = connection.execute(
        "SELECT path, kind, symbol, state, rows, refused, line FROM source_file"
    ).fetchall()
    assert rows == [(str(PART_1), "depth_stream", "BTC/USDT", "done", 300, 0, 300)]
    owners = connection.execute("SELECT DISTINCT source_file_id FROM feed_record").fetchall()
    assert owners == connection.execute("SELECT id FROM source_file").fetchall()
    event = connection.execute("SELECT text, subject FROM event WHERE kind = 'import'").fetchall()
    assert event == [(f"{PART_1.name}: 300 messages of BTC/USDT, 77 updates of the book applied, "
                      "0 breaks of their sequence", "BTC/USDT")]  # fmt: skip
