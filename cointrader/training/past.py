"""A session's steps as they were made: its journal, and bare weights stepped to any of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from cointrader.training.comparable import Here, here, layout_and_optimiser
from storage.journal import JournalDamaged, JournalMissing, snapshot_at_or_before, stored_steps
from storage.sessions import SessionRow, get_session
from storage.steps import JournalRow, get_step, journal_of
from storage.workspace import Workspace

if TYPE_CHECKING:
    from models.backprop.stepping import Stepper


@dataclass(frozen=True)
class Past:
    """A session with its journal, and this process beside it."""

    workspace: Workspace
    connection: sqlite3.Connection
    session: SessionRow
    journal: JournalRow
    now: Here

    def stepper_at(self, step: int) -> tuple[Stepper, int]:
        """Bare weights and optimiser after `step`, and the snapshot that they were stepped from.

        A damaged snapshot is passed over for the one before it. Raises JournalMissing and JournalDamaged.
        """
        from models.backprop.stepping import Stepper

        layout, optimiser = layout_and_optimiser(self.journal)
        at, arrays = self._snapshot(step)
        stepper = Stepper(layout, optimiser, arrays, self.now.torch_name)
        self.apply(stepper, at + 1, step)
        return stepper, at

    def apply(self, stepper: Stepper, first: int, last: int) -> None:
        """Steps `first` to `last` with their stored gradients."""
        if first > last:
            return
        for kept in stored_steps(self.connection, self.workspace, self.session.id, first, last):
            stepper.apply(kept.gradient, kept.absent, kept.learning_rate, kept.buffers, kept.synced)

    def recorded_weights(self, step: int) -> str:
        """The digest of the weights after `step`; those after step 0 are known by the first snapshot only."""
        if step > 0:
            return get_step(self.connection, self.session.id, step).weights_sha256
        stepper, _ = self.stepper_at(0)
        return stepper.digest()

    def _snapshot(self, step: int) -> tuple[int, dict[str, NDArray[Any]]]:
        try:
            return snapshot_at_or_before(self.connection, self.workspace, self.session.id, step)
        except JournalDamaged as damage:
            if damage.step > 0:
                try:
                    return self._snapshot(damage.step - 1)
                except JournalMissing:
                    pass  # the damage is what the operator has to know
            raise


def past_of(workspace: Workspace, connection: sqlite3.Connection, session_id: int) -> Past:
    """A session whose steps are to be made again. Raises JournalMissing when they were not journalled."""
    session = get_session(connection, session_id)
    journal = journal_of(connection, session_id)
    if journal is None:
        raise JournalMissing(
            f"session {session_id} ({session.agent}) has no journal: its steps were not kept"
        )
    return Past(workspace, connection, session, journal, here(session))
