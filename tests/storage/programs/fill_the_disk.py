"""Keeps steps in a workspace on a file system of 2 MB until there is no room, then says what is left.

Run as root of a mount namespace of its own. It prints the class of the error, how many steps are recorded and
how many of them are read back, and whether files and rows agree.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from storage.database import open_database
from storage.errors import StorageError
from storage.workspace import Workspace
from tests.storage.journal_world import (
    SMALL,
    begin_session,
    journal_files,
    keep_steps,
    kept_files,
    open_writer,
    read_steps,
)

root = Path(sys.argv[1])
try:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", root], check=True, capture_output=True)
except (OSError, subprocess.CalledProcessError):
    print("no mount", flush=True)
    sys.exit()
workspace = Workspace(root / "workspace").create()
connection = open_database(workspace)
session_id = begin_session(connection)
writer = open_writer(workspace, session_id, limits=replace(SMALL, compress="never"))
try:
    keep_steps(writer, 1, 10_000)
    writer.seal()
except StorageError as error:
    print(type(error).__name__, flush=True)
writer.abandon()
count = connection.execute("SELECT count(*) FROM step").fetchone()[0]
print(count, len(read_steps(workspace, session_id, 1, count)), flush=True)
print(journal_files(workspace, session_id) == kept_files(connection, session_id), flush=True)
