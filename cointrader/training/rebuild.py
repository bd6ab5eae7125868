"""Time travel: the weights after any step again, and two verbs that are never mixed.

rebuild  step the optimiser from the nearest snapshot with the stored gradients, and compare the digest
verify   compute the gradients anew from weights, batch and seed, and compare theirs (`verifying`)
reapply  step given weights with stored gradients, which belong to no other weights than those they came from

A digest that misses is "not comparable" where torch, the optimiser's implementation or the instruction sets
differ from those of the training. A damaged file is told as such by the journal's reader, before any of this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from cointrader.training.comparable import layout_and_optimiser, reason, sentence, stepping_differs
from cointrader.training.past import Past, past_of
from cointrader.training.verifying import CannotVerify, Verified, VerifiedStep, verify
from models.digest import weights_digest
from storage.errors import StorageError
from storage.steps import get_step
from storage.workspace import Workspace

__all__ = [
    "BaseDiffers",
    "CannotVerify",
    "Reapplied",
    "Rebuilt",
    "Verified",
    "VerifiedStep",
    "reapply",
    "rebuild",
    "verify",
    "weights_at",
]


class BaseDiffers(StorageError):
    """Gradients were to be applied to other weights than those they were computed from."""


@dataclass(frozen=True)
class Rebuilt:
    """The weights after `step`, by their digest and by the one that training recorded.

    `comparable` is False where something differs that the bits depend on; `why` says it in words. The way
    went from the snapshot after step `snapshot`.
    """

    session_id: int
    step: int
    digest: str
    recorded: str
    match: bool
    comparable: bool
    why: str
    snapshot: int

    @property
    def words(self) -> str:
        """One sentence for the operator."""
        return sentence(self.match, self.comparable, self.why)


@dataclass(frozen=True)
class Reapplied:
    """What became of `base` after steps `first` to `last`: its weights by name, and as in `Rebuilt`."""

    session_id: int
    first: int
    last: int
    digest: str
    recorded: str
    match: bool
    comparable: bool
    why: str
    weights: Mapping[str, NDArray[Any]]

    @property
    def words(self) -> str:
        """One sentence for the operator."""
        return sentence(self.match, self.comparable, self.why)


def rebuild(workspace: Workspace, connection: sqlite3.Connection, session_id: int, step: int) -> Rebuilt:
    """The weights after a step, made again from the nearest snapshot and compared with what was recorded.

    Raises StorageError for a step that is not kept, JournalMissing where its gradients are not, and
    JournalDamaged naming session, step and file.
    """
    rebuilt, _ = weights_at(workspace, connection, session_id, step)
    return rebuilt


def weights_at(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int, step: int
) -> tuple[Rebuilt, dict[str, NDArray[Any]]]:
    """`rebuild`, with the whole state by name."""
    past = past_of(workspace, connection, session_id)
    recorded = get_step(connection, session_id, step).weights_sha256
    stepper, at = past.stepper_at(step)
    weights = stepper.weights()
    digest = weights_digest(weights)
    match, comparable, why = _judge(past, digest, recorded)
    return Rebuilt(session_id, step, digest, recorded, match, comparable, why, at), weights


def reapply(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session_id: int,
    first: int,
    last: int,
    base: Mapping[str, NDArray[Any]],
) -> Reapplied:
    """Step `base`, the weights before step `first`, with the stored gradients of `first` to `last`.

    The optimiser is as it was then. Raises ShapesDiffer for weights of another network, BaseDiffers unless
    `base` is to the bit what the session had before `first`, and what `rebuild` raises.
    """
    from models.backprop.stepping import check_shapes

    past = past_of(workspace, connection, session_id)
    if not 1 <= first <= last:
        raise StorageError(f"steps {first:,} to {last:,} are no range of steps; the first step is 1")
    recorded = get_step(connection, session_id, last).weights_sha256
    check_shapes(layout_and_optimiser(past.journal)[0], base)
    given, wanted = weights_digest(base), past.recorded_weights(first - 1)
    if given != wanted:
        raise BaseDiffers(
            f"these weights are {given[:12]}, and the gradient of step {first:,} of session {session_id} was "
            f"computed from {wanted[:12]}; a gradient belongs to its own weights: take those after step "
            f"{first - 1:,}"
        )
    stepper, _ = past.stepper_at(first - 1)
    past.apply(stepper, first, last)
    weights = stepper.weights()
    digest = weights_digest(weights)
    match, comparable, why = _judge(past, digest, recorded)
    return Reapplied(session_id, first, last, digest, recorded, match, comparable, why, weights)


def _judge(past: Past, digest: str, recorded: str) -> tuple[bool, bool, str]:
    """Whether the digests agree, whether they had to, and both in words."""
    differences = stepping_differs(past.journal, past.session, past.now)
    match = digest == recorded
    return match, not differences, reason(match, differences, past.journal.note)
