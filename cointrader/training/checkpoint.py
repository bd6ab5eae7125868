"""Checkpoints: weights, optimiser state and counters in one safetensors file, found again after a kill.

The file is whole on disk before its row is committed, so a row always names a file that can be trusted.
Only the newest few of a session are kept.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from models.base import CheckpointState
from storage.checkpoints import checkpoints_of, forget_older
from storage.durable_file import write_file_atomically
from storage.sessions import record_checkpoint
from storage.workspace import Workspace

KEPT = 2


Then = Callable[[sqlite3.Connection], None]


def write_checkpoint(
    workspace: Workspace,
    session_id: int,
    attempt: int,
    state: CheckpointState,
    seal: Callable[[Then], None],
) -> Path:
    """Write `state`, and record it with whatever `seal` records beside it; older files of the session go.

    `seal` calls what it is given inside a transaction, once every file that its own rows name is whole: the
    steps up to a checkpoint and the checkpoint itself stand or fall together. Raises StaleAttempt, DiskFull.
    """
    folder = workspace.backprop / f"session-{session_id}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"attempt-{attempt}-step-{state.step:08d}.safetensors"
    digest = write_file_atomically(path, encode(state))
    forgotten: list[str] = []

    def record(connection: sqlite3.Connection) -> None:
        record_checkpoint(
            connection,
            session_id,
            attempt,
            step=state.step,
            path=path.relative_to(workspace.root).as_posix(),
            sha256=digest,
            weights_sha256=state.weights_sha256,
        )
        forgotten.extend(forget_older(connection, session_id, attempt, keep=KEPT))

    seal(record)
    for old in forgotten:
        (workspace.root / old).unlink(missing_ok=True)
    return path


def read_checkpoint(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int
) -> CheckpointState | None:
    """The newest checkpoint whose file is whole; None when the session has none."""
    for row in checkpoints_of(connection, session_id):
        try:
            content = (workspace.root / row.path).read_bytes()
        except FileNotFoundError:
            continue
        if hashlib.sha256(content).hexdigest() == row.sha256:
            return decode(content)
    return None


def encode(state: CheckpointState) -> bytes:
    """safetensors bytes; step, counters and the weights' digest travel as its metadata."""
    from safetensors.numpy import save

    metadata = {
        "step": str(state.step),
        "counters": json.dumps(dict(state.counters), sort_keys=True),
        "weights_sha256": state.weights_sha256,
    }
    content: bytes = save(dict(state.arrays), metadata=metadata)
    return content


def decode(content: bytes) -> CheckpointState:
    """The inverse of `encode`, to the bit."""
    from safetensors.numpy import load

    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    return CheckpointState(
        step=int(metadata["step"]),
        arrays=load(content),
        counters=json.loads(metadata["counters"]),
        weights_sha256=metadata["weights_sha256"],
    )
