"""Goes on with the journal of a session after its last checkpoint, as a training process does, for ever.

Arguments: workspace, session, attempt. Every seventh step is a checkpoint; after its commit the number of the
step is printed.
"""

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from storage.database import connect
from storage.durable_file import write_file_atomically
from storage.sessions import latest_checkpoint, record_checkpoint, update_session
from storage.workspace import Workspace
from tests.storage.journal_world import SMALL, keep_steps, open_writer

workspace, session_id, attempt = Workspace(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
connection = connect(workspace.database)
update_session(connection, session_id, attempt=attempt)
checkpoint = latest_checkpoint(connection, session_id)
step = 0 if checkpoint is None else checkpoint.step
limits = replace(SMALL, snapshot_steps=16, shard_seconds=0.02)
writer = open_writer(workspace, session_id, attempt, start_step=step, limits=limits)
(workspace.backprop / f"session-{session_id}").mkdir(exist_ok=True)
while True:
    keep_steps(writer, step + 1, step + 7)
    step += 7
    name = f"backprop/session-{session_id}/attempt-{attempt}-{step}"
    digest = write_file_atomically(workspace.root / name, b"%d" % step)
    record = partial(
        record_checkpoint,
        session_id=session_id,
        attempt=attempt,
        step=step,
        path=name,
        sha256=digest,
        weights_sha256="",
    )
    writer.seal(record)
    os.write(1, f"{step}\n".encode())
