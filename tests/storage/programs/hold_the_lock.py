"""Begins to write, says so, and ends its transaction when it is told to."""

import sys
from pathlib import Path

from storage.database import connect, transaction
from storage.events import record_event

connection = connect(Path(sys.argv[1]))
with transaction(connection):
    record_event(connection, "test", "not committed yet")
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
