"""How the steps of a session are journalled: in which mode, and the journal of one whose steps are not kept.

A session keeps the mode it began with, whatever the settings say when it is gone on with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import JournalSettings
from models.step_journal import (
    DIGEST,
    FULL,
    OFF,
    JournalLayout,
    JournalRefused,
    JournalSlot,
    OptimiserFacts,
    StepFacts,
    StepJournal,
)
from storage.database import transaction
from storage.journal import JournalLimits, JournalWriter, Layout
from storage.sessions import SessionRow
from storage.steps import journal_of
from storage.workspace import Workspace

GRADIENT_STEPS = 10
"""Steps between two points of a layer's curve."""

Then = Callable[[sqlite3.Connection], None]


class SessionJournal(StepJournal, Protocol):
    """A journal with what its session asks of it beside its training loop."""

    def seal(self, then: Then | None = None) -> None:
        """Everything so far, and what `then` writes, in one transaction."""
        ...

    def norms(self) -> list[tuple[int, dict[str, float]]]:
        """(step, norm of the gradient by layer) since they were last asked for."""
        ...

    def close(self) -> None:
        """Everything is kept that was to be kept."""
        ...

    def abandon(self) -> None:
        """Ends without keeping what was not sealed."""
        ...


def open_journal(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session: SessionRow,
    settings: JournalSettings,
    layout: JournalLayout,
    optimiser: OptimiserFacts,
    *,
    start_step: int,
    say: Callable[[str], None],
) -> SessionJournal:
    """The journal of a session that is about to make the step after `start_step`.

    Raises JournalRefused when the settings want every gradient and the steps of this network or optimiser
    could not be made again, StaleAttempt, and JournalError when the session began with another network.
    """
    mode = _mode(connection, session, settings, layout, optimiser, start_step, say)
    if mode == OFF:
        return NoJournal(connection, layout)
    writer = JournalWriter(
        workspace,
        session.id,
        session.attempt,
        Layout.from_json(layout.to_json()),
        mode=mode,
        optimiser=optimiser,
        start_step=start_step,
        limits=JournalLimits.of(settings),
        say=say,
    )
    # It takes back the slots that it gave, and no others: narrower than a journal in general, and enough.
    return cast("SessionJournal", writer)


def _mode(
    connection: sqlite3.Connection,
    session: SessionRow,
    settings: JournalSettings,
    layout: JournalLayout,
    optimiser: OptimiserFacts,
    start_step: int,
    say: Callable[[str], None],
) -> str:
    begun = journal_of(connection, session.id)
    if begun is not None:
        return begun.mode
    if settings.mode == OFF or start_step > 0:
        return OFF
    obstacle = layout.obstacle or optimiser.obstacle
    if settings.mode == FULL and obstacle:
        raise JournalRefused(
            f"{obstacle}. With the setting [journal] mode = full only steps that can be made again are kept; "
            f"choose auto or digest to train it all the same"
        )
    if settings.mode != "auto":
        return settings.mode
    if obstacle:
        say(f"journal: {obstacle}; only norms and digests are kept")
        return DIGEST
    if layout.gradient_size > settings.full_parameters:
        say(f"journal: {layout.gradient_size:,} parameters; only norms and digests are kept")
        return DIGEST
    return FULL


@dataclass(frozen=True)
class _OnlySlot:
    """Room for a gradient, used again by every step."""

    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    state: NDArray[np.uint8]


class NoJournal:
    """Keeps nothing of a step but the norms of its layers, for their curves."""

    def __init__(self, connection: sqlite3.Connection, layout: JournalLayout) -> None:
        self._connection, self._layout = connection, layout
        self._slot = _OnlySlot(
            np.zeros(layout.gradient_size, np.float32),
            np.zeros(len(layout.parameters), np.bool_),
            np.zeros(0, np.uint8),
        )
        self._norms: list[tuple[int, dict[str, float]]] = []

    @property
    def mode(self) -> str:
        return OFF

    def slot(self) -> JournalSlot:
        return self._slot

    def keep(self, slot: JournalSlot, facts: StepFacts) -> None:
        if facts.step % GRADIENT_STEPS == 0:
            self._norms.append((facts.step, self._layout.layer_norms(slot.gradient)))

    def snapshot_due(self, step: int) -> bool:
        return False

    def snapshot(self, step: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Nothing is kept."""

    def seal(self, then: Then | None = None) -> None:
        if then is not None:
            with transaction(self._connection):
                then(self._connection)

    def norms(self) -> list[tuple[int, dict[str, float]]]:
        norms, self._norms = self._norms, []
        return norms

    def close(self) -> None:
        """Nothing waits."""

    def abandon(self) -> None:
        """Nothing waits."""
