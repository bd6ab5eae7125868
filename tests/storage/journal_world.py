"""A small network's worth of steps, for tests of the journal: every number a function of (seed, step)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import connect
from storage.journal import JournalLimits, JournalWriter, Layout, Slot, StoredStep, TensorSpec, stored_steps
from storage.sessions import create_session, update_session
from storage.workspace import Workspace

LAYOUT = Layout(
    (
        TensorSpec("trunk.weight", (20, 30), "float32", "parameter", "trunk"),
        TensorSpec("trunk.bias", (20,), "float32", "parameter", "trunk"),
        TensorSpec("head.weight", (3, 20), "float32", "parameter", "head"),
        TensorSpec("target.weight", (3, 20), "float32", "follower", "target", "head.weight"),
        TensorSpec("norm.mean", (20,), "float32", "buffer", "norm"),
        TensorSpec("norm.count", (), "int64", "buffer", "norm"),
    )
)
SMALL = JournalLimits(budget_bytes=1 << 40, shard_bytes=10 * LAYOUT.row_bytes, shard_seconds=3600.0)
"""Ten steps a shard, and no shard closes by its age."""


@dataclass(frozen=True)
class FakeOptimiser:
    """What the journal writes down of an optimiser."""

    name: str = "AdamW"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"implementation": "foreach"})
    torch_version: str = "2.9.0"
    capability: str = "AVX2"
    onednn_isa: str = "AVX2"
    threads: int = 1


@dataclass(frozen=True)
class Facts:
    """What a training loop says of a step."""

    step: int
    losses: Mapping[str, float]
    batch: NDArray[Any]
    learning_rate: float
    priority: float = 1.0
    synced: bool = False


@dataclass(frozen=True)
class MadeStep:
    """A step as a loop would make it."""

    facts: Facts
    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    state: NDArray[np.uint8]


def made_step(step: int, seed: int = 7) -> MadeStep:
    """Step `step` of a loop with this seed; the head's gradient is absent at every third one."""
    draw = np.random.default_rng([seed, step])
    absent = np.array([False, False, step % 3 == 0])
    gradient = draw.normal(size=LAYOUT.gradient_size).astype(np.float32)
    if absent[2]:
        gradient[-60:] = 0.0
    losses = {"losses/total": 1.0 / step + seed * 1e-3, "losses/class": 0.5 / step}
    facts = Facts(step, losses, draw.integers(0, 1000, 8), 1e-3 / step, 0.5, step % 5 == 0)
    return MadeStep(facts, gradient, absent, draw.integers(0, 256, LAYOUT.state_bytes, np.uint8))


def fill(slot: Slot, made: MadeStep) -> None:
    """What a training loop does to a slot."""
    slot.gradient[:] = made.gradient
    slot.absent[:] = made.absent
    slot.state[:] = made.state


def keep_steps(writer: JournalWriter, first: int, last: int, *, seed: int = 7) -> None:
    """Steps and snapshots as a loop keeps them."""
    for number in range(first, last + 1):
        slot, made = writer.slot(), made_step(number, seed)
        fill(slot, made)
        writer.keep(slot, made.facts)
        if writer.snapshot_due(number):
            writer.snapshot(number, snapshot_arrays(number, seed))


def snapshot_arrays(step: int, seed: int = 7) -> dict[str, NDArray[Any]]:
    """What a snapshot after `step` holds."""
    weight = np.random.default_rng([seed, step, 1]).normal(size=(20, 30)).astype(np.float32)
    return {"weights/trunk.weight": weight, "optimiser/trunk.weight/step": np.array(float(step), np.float32)}


def begin_session(connection: sqlite3.Connection, **changed: Any) -> int:
    """A running session."""
    values: dict[str, Any] = {
        "agent": "cnn",
        "job_id": None,
        "attempt": 1,
        "seed": 7,
        "params_json": "{}",
        "dataset_id": None,
        "split_id": None,
        "threads": 1,
        "device": "cpu",
        "capability": "AVX2",
        "total_steps": 100,
    }
    return create_session(connection, **(values | changed))


def open_writer(workspace: Workspace, session_id: int, attempt: int = 1, **options: Any) -> JournalWriter:
    """The journal of a session, full and small unless told otherwise; a first snapshot is taken when due."""
    chosen = {"mode": "full", "optimiser": FakeOptimiser(), "limits": SMALL} | options
    writer = JournalWriter(workspace, session_id, attempt, LAYOUT, **chosen)
    start = chosen.get("start_step", 0)
    if writer.snapshot_due(start):
        writer.snapshot(start, snapshot_arrays(start))
    return writer


def journalled(workspace: Workspace, connection: sqlite3.Connection, steps: int, **options: Any) -> int:
    """A succeeded session whose journal is whole."""
    session_id = begin_session(connection)
    with open_writer(workspace, session_id, **options) as writer:
        keep_steps(writer, 1, steps)
    update_session(connection, session_id, state="succeeded")
    return session_id


def read_steps(workspace: Workspace, session_id: int, first: int, last: int) -> list[StoredStep]:
    """Steps through a connection of their own."""
    with closing(connect(workspace.database, readonly=True)) as reader:
        return list(stored_steps(reader, workspace, session_id, first, last))


def assert_kept(stored: StoredStep, *, seed: int = 7) -> None:
    """What was read is, to the bit, what the loop made."""
    made = made_step(stored.step, seed)
    assert stored.gradient.tobytes() == made.gradient.tobytes()
    assert stored.absent.tolist() == made.absent.tolist()
    for tensor in LAYOUT.buffers:
        start = LAYOUT.state_starts[tensor.name]
        assert stored.buffers[tensor.name].shape == tensor.shape
        assert stored.buffers[tensor.name].tobytes() == made.state[start : start + tensor.nbytes].tobytes()
    assert stored.learning_rate == made.facts.learning_rate
    assert stored.synced is made.facts.synced


def journal_files(workspace: Workspace, session_id: int) -> set[str]:
    """Paths of the files that lie in the journal's folder, relative to the workspace."""
    folder = workspace.backprop / f"session-{session_id}" / "journal"
    return (
        {path.relative_to(workspace.root).as_posix() for path in folder.iterdir()}
        if folder.exists()
        else set()
    )


def kept_files(connection: sqlite3.Connection, session_id: int) -> set[str]:
    """Paths that rows vouch for."""
    rows = connection.execute(
        "SELECT path FROM journal_file WHERE session_id = ? AND state = 'kept'", (session_id,)
    ).fetchall()
    return {row[0] for row in rows}
