"""Gradients computed anew from weights, batch and seed, and held against those that training recorded.

This is as slow as training. It needs the dataset that the session pinned, an agent that offers `recompute`,
and for equal bits the threads and instructions of the training, which are pinned here as far as they can be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cointrader.training.comparable import (
    gradients_differ,
    layout_and_optimiser,
    reason,
    sentence,
    stepping_differs,
)
from cointrader.training.datasets import load_dataset
from cointrader.training.past import Past, past_of
from cointrader.training.repeatability import pin_arithmetic
from models import registry
from models.parameters import from_json
from models.step_journal import BUFFER, JournalLayout, Recomputes
from storage.errors import StorageError
from storage.journal import JournalMissing, gradient_digest, snapshot_at_or_before, stored_steps
from storage.sessions import get_session
from storage.steps import StepRow, get_step, journal_of, steps_between
from storage.workspace import Workspace

if TYPE_CHECKING:
    from models.backprop.stepping import Stepper

Gradient = Callable[[int, "Stepper"], NDArray[np.float32]]


class CannotVerify(StorageError):
    """The agent of a session does not compute gradients again, or its dataset is gone."""


@dataclass(frozen=True)
class VerifiedStep:
    """The digest of a gradient that was computed anew, and the recorded one."""

    step: int
    digest: str
    recorded: str

    @property
    def match(self) -> bool:
        return self.digest == self.recorded


@dataclass(frozen=True)
class Verified:
    """The gradients of steps `first` to `last`; `comparable` and `why` as in `Rebuilt`."""

    session_id: int
    steps: tuple[VerifiedStep, ...]
    comparable: bool
    why: str

    @property
    def match(self) -> bool:
        """Whether all of them are the same to the bit."""
        return all(step.match for step in self.steps)

    @property
    def words(self) -> str:
        """One sentence for the operator."""
        count = sum(step.match for step in self.steps)
        told = sentence(self.match, self.comparable, self.why)
        return f"{count:,} of {len(self.steps):,} gradients are the same: {told}"


def verify(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session_id: int,
    first: int,
    last: int | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verified:
    """Compute the gradients of steps `first` to `last` (default: one step) again and compare their digests.

    Where the gradients between are not kept, the way from the nearest snapshot is trained again. `progress`
    is told how many steps of how many are done. Raises CannotVerify, JournalMissing, JournalDamaged.
    """
    last = first if last is None else last
    if not 1 <= first <= last:
        raise StorageError(f"steps {first:,} to {last:,} are no range of steps; the first step is 1")
    for end in (first, last):
        get_step(connection, session_id, end)
    gradient = _gradients_of(workspace, connection, session_id)
    past = past_of(workspace, connection, session_id)
    found: list[VerifiedStep] = []
    for step in _walk(past, first, last, gradient):
        found.append(step)
        progress(len(found), last - first + 1)
    differences = stepping_differs(past.journal, past.session, past.now)
    differences += gradients_differ(past.journal, past.now)
    match = all(step.match for step in found)
    return Verified(session_id, tuple(found), not differences, reason(match, differences, past.journal.note))


def _gradients_of(workspace: Workspace, connection: sqlite3.Connection, session_id: int) -> Gradient:
    """What computes a gradient of the session again, with its arithmetic pinned."""
    session, journal = get_session(connection, session_id), journal_of(connection, session_id)
    entry = registry.get(session.agent)
    pin_arithmetic(entry, session.threads, "" if journal is None else journal.onednn_isa)
    module = registry.load(entry.name)
    if not hasattr(module, "recompute"):
        raise CannotVerify(f"{entry.title} does not compute gradients again; its steps can be rebuilt only")
    if session.dataset_id is None:
        raise CannotVerify(f"session {session_id} has no dataset to compute gradients from")
    dataset = load_dataset(workspace, connection, session.dataset_id)
    params = from_json(registry.params_class(entry.name), session.params_json)
    recompute = cast("Recomputes", module).recompute

    def gradient(step: int, before: Stepper) -> NDArray[np.float32]:
        state = {name: np.array(array) for name, array in before.weights().items()}
        return recompute(dataset, params, session.seed, step, state)

    return gradient


def _walk(past: Past, first: int, last: int, gradient: Gradient) -> Iterator[VerifiedStep]:
    try:
        stepper, _ = past.stepper_at(first - 1)
        kept = stored_steps(past.connection, past.workspace, past.session.id, first, last)
    except JournalMissing:
        yield from _walk_anew(past, first, last, gradient)
        return
    for stored in kept:
        digest = gradient_digest(gradient(stored.step, stepper), stored.absent)
        yield VerifiedStep(stored.step, digest, stored.gradient_sha256)
        stepper.apply(stored.gradient, stored.absent, stored.learning_rate, stored.buffers, stored.synced)


def _walk_anew(past: Past, first: int, last: int, gradient: Gradient) -> Iterator[VerifiedStep]:
    """Without stored gradients: each computed one is stepped with, from the snapshot on."""
    from models.backprop.stepping import Stepper

    layout, optimiser = layout_and_optimiser(past.journal)
    if any(spec.kind == BUFFER for spec in layout.tensors):
        raise JournalMissing(
            f"session {past.session.id} has buffers that change beside the gradient, and its journal holds "
            f"none of them: its steps cannot be made again"
        )
    at, arrays = snapshot_at_or_before(past.connection, past.workspace, past.session.id, first - 1)
    stepper = Stepper(layout, optimiser, arrays, past.now.torch_name)
    for row in _rows(past, at + 1, last):
        flat = gradient(row.step, stepper)
        absent, digest = _absent(layout, flat, row.gradient_sha256)
        if row.step >= first:
            yield VerifiedStep(row.step, digest, row.gradient_sha256)
        stepper.apply(flat, absent, row.learning_rate, {}, bool(row.synced))


def _rows(past: Past, first: int, last: int) -> Iterator[StepRow]:
    for start in range(first, last + 1, 1_000):
        yield from steps_between(past.connection, past.session.id, start, min(last, start + 999))


def _absent(layout: JournalLayout, flat: NDArray[np.float32], recorded: str) -> tuple[NDArray[np.bool_], str]:
    """Which gradients were absent: all that are zero throughout where that gives the digest, else none."""
    zero = np.array([not part.any() for part in layout.gradients(flat).values()], dtype=np.bool_)
    digest = gradient_digest(flat, zero)
    if digest == recorded:
        return zero, digest
    none = np.zeros(len(zero), np.bool_)
    return none, gradient_digest(flat, none)
