"""Everything that is stored of one setup: the package, its outcome, what was learned from it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.outcomes import OutcomeRow
from storage.setups import SetupRow, get_setup, packs


@dataclass(frozen=True)
class LearnedFrom:
    """One experience of a setup: source, action (0 buy, 1 sell, 2 hold), reward, and how it was used.

    `td_error` is None until an agent has met it.
    """

    source: str
    action: int
    reward: float
    td_error: float | None
    training_count: int


@dataclass(frozen=True)
class SetupStory:
    """A setup with its outcome (None while it waits), its experiences, and the file of its arrays."""

    setup: SetupRow
    outcome: OutcomeRow | None
    experiences: tuple[LearnedFrom, ...]
    pack: str


def setup_story(connection: sqlite3.Connection, setup_id: int) -> SetupStory:
    """The story of a setup. Raises StorageError when there is none of this id."""
    setup = get_setup(connection, setup_id)
    outcomes = connection.execute(
        f"SELECT {', '.join(OutcomeRow._fields)} FROM outcome WHERE setup_id = ?", (setup_id,)
    ).fetchall()
    experiences = connection.execute(
        "SELECT source, action, reward, td_error, training_count FROM experience WHERE setup_id = ? "
        "ORDER BY source, action",
        (setup_id,),
    ).fetchall()
    files = packs(connection, [setup.pack_id])
    return SetupStory(
        setup,
        OutcomeRow(*outcomes[0]) if outcomes else None,
        tuple(LearnedFrom(*row) for row in experiences),
        files[0].path if files else "",
    )
