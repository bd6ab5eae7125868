"""The writing side of a journal: it lives in the writer's thread and owns its connection.

Order of every commit: the files, whole and durable, then one transaction with their rows, the rows of their
steps and whatever the caller wants to stand or fall with them. A crash in between leaves files without a row,
which nobody trusts and the next attempt deletes.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.clock import now_ms
from storage.database import transaction
from storage.journal.budget import JournalLimits, journal_folder, make_room, used_bytes
from storage.journal.digests import LayerNorms, StateDigest, gradient_digest
from storage.journal.layout import Layout
from storage.journal.recording import FileValues, StepValues, record_steps
from storage.journal.ring import Slot
from storage.journal.rows import go_digest
from storage.journal.shard import ShardBuffer
from storage.journal.tensor_file import Written, write_arrays
from storage.workspace import Workspace

FULL, DIGEST = "full", "digest"
TOTAL_LOSS = "losses/total"
ROWS_AT_ONCE = 4_096
NORMS_KEPT = 4_096

Then = Callable[[sqlite3.Connection], object]


class Facts(Protocol):
    """What is known of a step beside its tensors; `batch` are rows of the session's dataset."""

    @property
    def step(self) -> int: ...
    @property
    def losses(self) -> Mapping[str, float]: ...
    @property
    def batch(self) -> NDArray[Any]: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def priority(self) -> float: ...
    @property
    def synced(self) -> bool: ...


@dataclass(frozen=True)
class Place:
    """Which journal is written, by which attempt, and where."""

    workspace: Workspace
    session_id: int
    attempt: int


@dataclass
class Room:
    """What is left of the budget. The thread writes it, the training loop reads it."""

    budget: int
    used: int
    snapshot_bytes: int
    wanted: bool = False
    """Whether the budget is met and a last snapshot is waited for."""

    def fits(self, more: int) -> bool:
        """Whether so many bytes may still be written."""
        return self.used + more <= self.budget


@dataclass
class _Waiting:
    """What the next commit records."""

    steps: list[StepValues] = field(default_factory=list)
    files: list[FileValues] = field(default_factory=list)
    since: float = math.inf


class StepSink:
    """Takes steps and snapshots in order and makes them files and rows."""

    def __init__(
        self,
        place: Place,
        connection: sqlite3.Connection,
        layout: Layout,
        limits: JournalLimits,
        room: Room,
        *,
        mode: str,
        loss: float | None,
        steps_ahead: int,
    ) -> None:
        self.mode = mode
        self.norms: deque[tuple[int, dict[str, float]]] = deque(maxlen=NORMS_KEPT)
        self._place, self._connection, self._limits, self._room = place, connection, limits, room
        self._layout, self._loss, self._steps_ahead = layout, loss, steps_ahead
        self._state_digest, self._norms_of = StateDigest(layout), LayerNorms(layout)
        self._shard = ShardBuffer(layout, limits.shard_bytes) if mode == FULL else None
        self._parts = _parts(layout)
        self._waiting = _Waiting()

    def take(self, slot: Slot, facts: Facts) -> None:
        """One step: digests and norms, its row, and in mode full its place in the shard."""
        self._zero_what_is_absent(slot)
        norms = self._norms_of.of(slot.gradient)
        total = math.sqrt(float(np.square(norms).sum()))
        self.norms.append((facts.step, dict(zip(self._layout.layers, norms.tolist(), strict=True))))
        loss = _finite(facts.losses.get(TOTAL_LOSS))
        dropped = abs(loss - self._loss) if loss is not None and self._loss is not None else 0.0
        self._loss = loss
        row = None if self._shard is None else self._shard.add(facts.step, slot)
        self._waiting.since = min(self._waiting.since, time.monotonic())
        self._waiting.steps.append(
            StepValues(
                step=facts.step,
                file_row=row,
                learning_rate=float(facts.learning_rate),
                losses_json=json.dumps({name: _finite(value) for name, value in facts.losses.items()}),
                loss=loss,
                norms=norms.astype("<f4").tobytes(),
                gradient_norm=_finite(total),
                batch=np.asarray(facts.batch).astype("<i4").tobytes(),
                priority=float(facts.priority),
                value=dropped * float(facts.priority),
                synced=bool(facts.synced),
                weights_sha256=self._state_digest.of(slot.state),
                gradient_sha256=gradient_digest(slot.gradient, slot.absent),
                ts_ms=now_ms(),
            )
        )
        if self._shard is not None:
            if self._shard.full:
                self.commit()
            self._watch_the_budget()
        elif len(self._waiting.steps) >= ROWS_AT_ONCE:
            self.commit()

    def snapshot(self, step: int, arrays: Mapping[str, NDArray[Any]], *, last: bool) -> None:
        """Everything after `step`, recorded with the steps up to it; the `last` one ends mode full."""
        self._close_shard()
        written = write_arrays(self._folder, f"attempt-{self._place.attempt}-snapshot-{step:08d}", arrays)
        self._add_file("snapshot", step, step, written)
        self._room.snapshot_bytes = written.bytes
        if not last:
            self.commit()
            return
        place, room = self._place, self._room
        why = (
            f"the budget of {room.budget / 1e6:,.0f} MB for journals is met after step {step:,}: "
            f"from there on only norms and digests are kept"
        )
        self.commit(lambda held: go_digest(held, place.session_id, place.attempt, step + 1, why))
        self.mode, self._shard = DIGEST, None

    def commit(self, then: Then | None = None) -> None:
        """Everything so far: files, then their rows and what `then` writes in one transaction."""
        self._close_shard()
        waiting, place = self._waiting, self._place
        if not waiting.files and not waiting.steps and then is None:
            return
        paths: list[str] = []
        with transaction(self._connection) as held:
            if waiting.files or waiting.steps:
                paths = record_steps(held, place.session_id, place.attempt, waiting.files, waiting.steps)
            if then is not None:
                then(held)
        self._waiting = _Waiting()
        for path in paths:
            (place.workspace.root / path).unlink(missing_ok=True)
        self._room.used = used_bytes(self._connection)

    def commit_if_old(self) -> None:
        """Commits when the oldest step has waited for `shard_seconds`."""
        if self.patience() <= 0:
            self.commit()

    def patience(self) -> float:
        """Seconds until something that waits is old; infinite when nothing waits."""
        return self._waiting.since + self._limits.shard_seconds - time.monotonic()

    def forget(self) -> None:
        """Deletes the files that no row names and none will: their recording was refused."""
        for file in self._waiting.files:
            named = self._connection.execute(
                "SELECT 1 FROM journal_file WHERE path = ? AND state = 'kept'", (file.path,)
            ).fetchall()
            if not named:
                (self._place.workspace.root / file.path).unlink(missing_ok=True)
        self._waiting = _Waiting()

    @property
    def _folder(self) -> Path:
        return journal_folder(self._place.workspace, self._place.session_id)

    def _close_shard(self) -> None:
        shard = self._shard
        if shard is None or not shard.rows:
            return
        first, last = shard.first_step, shard.last_step
        stem = f"attempt-{self._place.attempt}-steps-{first:08d}-{last:08d}"
        written = write_arrays(self._folder, stem, shard.arrays(), compress=self._limits.compress)
        self._add_file("shard", first, last, written)
        shard.clear()

    def _add_file(self, kind: str, first: int, last: int, written: Written) -> None:
        path = written.path.relative_to(self._place.workspace.root).as_posix()
        self._waiting.files.append(
            FileValues(kind, first, last, path, written.sha256, written.bytes, written.raw_bytes)
        )

    def _watch_the_budget(self) -> None:
        """Asks for a last snapshot when the next steps would not fit, whoever gave up gradients for them."""
        room, shard = self._room, self._shard
        if shard is None or room.wanted or room.fits(self._bytes_ahead(shard)):
            return
        # What is written may take less than was reckoned with: files are packed where that pays.
        self.commit()
        more, extra = self._bytes_ahead(shard), self._limits.shard_bytes
        room.wanted = not find_room(self._place, self._connection, room, more, extra)

    def _bytes_ahead(self, shard: ShardBuffer) -> int:
        """What is taken if mode full ends now: what waits, what is on its way here, and a last snapshot."""
        return shard.bytes_with(self._steps_ahead) + self._room.snapshot_bytes

    def _zero_what_is_absent(self, slot: Slot) -> None:
        """An absent gradient has no value: what an earlier step left there is no part of this one."""
        if slot.absent.any():
            for place in np.flatnonzero(slot.absent):
                start, stop = self._parts[place]
                slot.gradient[start:stop] = 0.0


def find_room(place: Place, connection: sqlite3.Connection, room: Room, more: int, extra: int) -> bool:
    """Whether `more` bytes fit into the budget, if need be after ended sessions gave up their gradients.

    When they have to, they make room for `extra` bytes too, so that this is not asked at every step.
    """
    if not room.fits(more) and more <= room.budget:
        most = max(0, room.budget - more - extra)
        room.used = make_room(place.workspace, connection, place.session_id, place.attempt, most)
    return room.fits(more)


def _parts(layout: Layout) -> list[tuple[int, int]]:
    """Where each parameter lies in the flat gradient."""
    parts: list[tuple[int, int]] = []
    at = 0
    for tensor in layout.parameters:
        parts.append((at, at + tensor.size))
        at += tensor.size
    return parts


def _finite(value: float | None) -> float | None:
    """JSON and SQLite hold no NaN and no infinity."""
    return float(value) if value is not None and math.isfinite(value) else None
