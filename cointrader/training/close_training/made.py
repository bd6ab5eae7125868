"""What the makers of lesson datasets share: the material they get, and what they hand back."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cointrader.training.close_training.beginning import Known
from cointrader.training.close_training.entries import EntryBars
from cointrader.training.source import WEAKEST_FIRST, WorkspaceSource
from models.base import Dataset
from models.lessons.rows import Close
from storage.outbox import WaitingLesson
from storage.workspace import Workspace


@dataclass(frozen=True)
class Material:
    """What lessons are made of."""

    workspace: Workspace
    connection: sqlite3.Connection
    source: WorkspaceSource
    bars: EntryBars
    known: Known


@dataclass(frozen=True)
class Made:
    """A dataset that teaches `taught`, in this order; None where none of them can be taught.

    `refused` says by lesson why it cannot.
    """

    dataset: Dataset | None
    taught: tuple[WaitingLesson, ...]
    refused: Mapping[int, str] = field(default_factory=dict)


def close_of(lesson: WaitingLesson, label: int) -> Close:
    """A lesson as a row; its weight is the share of the decision times that of small moves."""
    return Close(
        position_id=lesson.position_id,
        symbol=lesson.symbol,
        t0_ms=lesson.signal_ms,
        t1_ms=max(lesson.closed_ms, lesson.signal_ms),
        weight=lesson.weight * lesson.reward_weight,
        label=label,
    )


def weakest(ordinary: Dataset, known: Known, lessons: Sequence[WaitingLesson]) -> str:
    """The weakest lineage of all that a session of lessons depends on; anything unknown is synthetic."""
    lineage = {ordinary.provenance, known.provenance, *(lesson.provenance for lesson in lessons)}
    if not lineage <= set(WEAKEST_FIRST):
        return WEAKEST_FIRST[0]
    return min(lineage, key=WEAKEST_FIRST.index)
