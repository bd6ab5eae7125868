"""How the collection of training data goes, and whether the agents have enough of it.

Counters kept by the collection are read, not rows counted: the first screen asks for this several times a
second. What still waits is counted through an index, what is needed only as far as it is needed.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.outcomes import REASON_PREFIX


@dataclass(frozen=True)
class AgentTraining:
    """The sessions of one agent and the optimiser steps that they have made."""

    agent: str
    sessions: int
    steps: int


@dataclass(frozen=True)
class Need:
    """What is there of what an agent needs before it trains; `have` is not counted beyond `needed`.

    `what` are episodes (validated setups at an extreme), experiences or order books.
    """

    agent: str
    what: str
    have: int
    needed: int

    @property
    def is_met(self) -> bool:
        """Whether it can train."""
        return self.have >= self.needed


@dataclass(frozen=True)
class TrainingHealth:
    """Packages, outcomes and trainings together; `mean_completeness` is None before the first package.

    `refused_by` are reasons of packages, `incomplete_by` of outcomes, the most frequent first.
    """

    collected: int
    mean_completeness: float | None
    refused: int
    refused_by: tuple[tuple[str, int], ...]
    rapid: int
    validated: int
    waiting: int
    incomplete: int
    incomplete_by: tuple[tuple[str, int], ...]
    experiences: int
    trainings: tuple[AgentTraining, ...]
    needs: tuple[Need, ...]
    last_error: str
    last_error_ms: int | None


def training_health(
    connection: sqlite3.Connection, *, episodes_needed: int, experiences_needed: int
) -> TrainingHealth:
    """Reads all (`episodes_needed` is what the CNN waits for, `experiences_needed` what RL agents do)."""
    totals = connection.execute(
        "SELECT coalesce(sum(collected), 0), coalesce(sum(completeness_sum), 0), coalesce(sum(refused), 0), "
        "coalesce(sum(rapid), 0), coalesce(sum(validated), 0) FROM collection"
    ).fetchall()[0]
    collected, completeness, refused, rapid, validated = totals
    refused_by, incomplete_by = _reasons(connection)
    error, error_ms = _last_error(connection)
    return TrainingHealth(
        collected=collected,
        mean_completeness=completeness / collected if collected else None,
        refused=refused,
        refused_by=refused_by,
        rapid=rapid,
        validated=validated,
        waiting=_number(connection, "SELECT count(*) FROM setup WHERE state = 'waiting'"),
        incomplete=_number(connection, "SELECT count(*) FROM setup WHERE state = 'incomplete'"),
        incomplete_by=incomplete_by,
        experiences=_number(connection, "SELECT coalesce(max(id), 0) FROM experience"),
        trainings=_trainings(connection),
        needs=(
            Need("cnn", "episodes", _number(connection, _EPISODES, episodes_needed), episodes_needed),
            *(
                Need(agent, what, _number(connection, query, experiences_needed), experiences_needed)
                for agent, what, query in _OF_RL
            ),
        ),
        last_error=error,
        last_error_ms=error_ms,
    )


_EPISODES = (
    "SELECT count(*) FROM "
    "(SELECT 1 FROM setup WHERE state = 'validated' AND extreme <> 0 ORDER BY ts_ms LIMIT ?)"
)
_EXPERIENCES = "SELECT count(*) FROM (SELECT 1 FROM experience LIMIT ?)"
_BOOKS = "SELECT count(*) FROM (SELECT 1 FROM feed_record WHERE type = 'order_book' LIMIT ?)"
_OF_RL = (("dqn", "experiences", _EXPERIENCES), ("cob_rl", "order books", _BOOKS))


def _number(connection: sqlite3.Connection, query: str, *parameters: int) -> int:
    return int(connection.execute(query, parameters).fetchall()[0][0])


def _reasons(
    connection: sqlite3.Connection,
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    rows = connection.execute(
        "SELECT reason, sum(n) AS total FROM collection_refusal GROUP BY reason ORDER BY total DESC, reason"
    ).fetchall()
    packages = tuple((reason, n) for reason, n in rows if not reason.startswith(REASON_PREFIX))
    outcomes = tuple(
        (reason.removeprefix(REASON_PREFIX), n) for reason, n in rows if reason.startswith(REASON_PREFIX)
    )
    return packages, outcomes


def _trainings(connection: sqlite3.Connection) -> tuple[AgentTraining, ...]:
    rows = connection.execute(
        "SELECT agent, count(*), coalesce(sum(step), 0) FROM session GROUP BY agent ORDER BY agent"
    ).fetchall()
    return tuple(AgentTraining(*row) for row in rows)


def _last_error(connection: sqlite3.Connection) -> tuple[str, int | None]:
    rows = connection.execute(
        "SELECT last_error, last_error_ms FROM collection WHERE last_error <> '' "
        "ORDER BY last_error_ms DESC LIMIT 1"
    ).fetchall()
    return rows[0] if rows else ("", None)
