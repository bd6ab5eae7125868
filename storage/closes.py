"""What a close leaves behind beside its accounts: a lesson for every model that took part, and labels.

Everything here is written inside the transaction of the close, so that a close is never without its lessons
and a lesson never without its close. A lesson is filed once, however often it is filed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from storage.clock import now_ms
from storage.errors import StorageError
from storage.revision import next_rev

WAITING, TRAINED, SKIPPED, FAILED, ABSENT = "waiting", "trained", "skipped", "failed", "absent"
LESSON_STATES = (WAITING, TRAINED, SKIPPED, FAILED, ABSENT)


class CloseMissing(StorageError):
    """A position that is not closed, or that no reward was computed for."""


@dataclass(frozen=True)
class ClosedPosition:
    """What lessons are made of: reward and weight of one close, and whose doing the position was."""

    position_id: int
    close_number: int
    run_id: int
    symbol: str
    side: str
    origin: str
    opened_ms: int
    closed_ms: int
    entry_price: float
    pnl: float
    reward: float
    reward_weight: float
    contributions: str


@dataclass(frozen=True)
class Lesson:
    """What one close has to teach one model, as it is filed; `state` is waiting, skipped or absent."""

    model: str
    weight: float
    state: str
    reason: str = ""


def closed_position(
    connection: sqlite3.Connection, position_id: int, close_number: int = 1
) -> ClosedPosition:
    """A close with its reward. Raises CloseMissing."""
    rows = connection.execute(
        "SELECT p.id, r.close_number, p.run_id, p.symbol, p.side, p.origin, p.opened_ms, p.closed_ms, "
        "p.entry_price, p.pnl, r.total, r.weight, p.contributions FROM position AS p "
        "JOIN reward AS r ON r.position_id = p.id WHERE p.id = ? AND r.close_number = ?",
        (position_id, close_number),
    ).fetchall()
    if not rows:
        raise CloseMissing(f"position {position_id} has no close number {close_number} with a reward")
    return ClosedPosition(*rows[0])


def file_lessons(connection: sqlite3.Connection, close: ClosedPosition, lessons: Iterable[Lesson]) -> int:
    """Puts lessons into the outbox and returns how many are new; call it inside a transaction."""
    moment, rev = now_ms(), next_rev(connection)
    return connection.executemany(
        "INSERT OR IGNORE INTO outbox (position_id, close_number, run_id, model, weight, reward, "
        "reward_weight, state, reason, tries, created_ms, done_ms, rev) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        (
            (
                *(close.position_id, close.close_number, close.run_id, lesson.model, lesson.weight),
                *(close.reward, close.reward_weight, lesson.state, lesson.reason, moment),
                *(None if lesson.state == WAITING else moment, rev),
            )
            for lesson in lessons
        ),
    ).rowcount


def keep_labels(
    connection: sqlite3.Connection, position_id: int, returns: tuple[float | None, float | None, float | None]
) -> None:
    """The returns 1, 5 and 15 minutes after the entry, as far as they are known; what is known stays."""
    connection.execute(
        "INSERT INTO outcome_label (position_id, return_1m, return_5m, return_15m, computed_ms) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (position_id) DO UPDATE SET "
        "return_1m = coalesce(return_1m, excluded.return_1m), "
        "return_5m = coalesce(return_5m, excluded.return_5m), "
        "return_15m = coalesce(return_15m, excluded.return_15m), computed_ms = excluded.computed_ms",
        (position_id, *returns, now_ms()),
    )


def positions_without_labels(
    connection: sqlite3.Connection, symbol: str, until_ms: int, limit: int
) -> list[ClosedPosition]:
    """Closed positions of a symbol that may get a label from bars up to `until_ms`, oldest first.

    A label that bars of this length can never give is not asked for twice.
    """
    rows = connection.execute(
        "SELECT p.id, r.close_number, p.run_id, p.symbol, p.side, p.origin, p.opened_ms, p.closed_ms, "
        "p.entry_price, p.pnl, r.total, r.weight, p.contributions FROM outbox AS o "
        "JOIN position AS p ON p.id = o.position_id JOIN reward AS r "
        "ON r.position_id = p.id AND r.close_number = o.close_number "
        "JOIN outcome_label AS l ON l.position_id = p.id "
        "WHERE p.symbol = ? AND l.return_15m IS NULL AND p.opened_ms + 900000 <= ? "
        "GROUP BY p.id ORDER BY p.id LIMIT ?",
        (symbol, until_ms, limit),
    ).fetchall()
    return [ClosedPosition(*row) for row in rows]
