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


Labels = tuple[float | None, float | None, float | None]

_CLOSED = (
    "SELECT p.id, r.close_number, p.run_id, p.symbol, p.side, p.origin, p.opened_ms, p.closed_ms, "
    "p.entry_price, p.pnl, r.total, r.weight, p.contributions FROM position AS p "
    "JOIN reward AS r ON r.position_id = p.id"
)


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
        f"{_CLOSED} WHERE p.id = ? AND r.close_number = ?", (position_id, close_number)
    ).fetchall()
    if not rows:
        raise CloseMissing(f"position {position_id} has no close number {close_number} with a reward")
    return ClosedPosition(*rows[0])


def closes_without_lessons(
    connection: sqlite3.Connection, origins: Iterable[str], limit: int, *, after_rev: int = -1
) -> list[tuple[int, int]]:
    """(position, close number) of closes of these origins that have a reward and no lesson, oldest first.

    With `after_rev` only positions that have changed since then are looked at.
    """
    named = sorted(origins)
    # Along any other index every close that there is would be looked at.
    rows = connection.execute(
        "SELECT p.id, r.close_number FROM position AS p INDEXED BY ix_position_rev "
        "JOIN reward AS r ON r.position_id = p.id "
        "WHERE p.rev > ? AND p.state = 'closed' "
        f"AND p.origin IN ({', '.join('?' * len(named))}) AND NOT EXISTS "
        "(SELECT 1 FROM outbox AS o WHERE o.position_id = p.id AND o.close_number = r.close_number) "
        "ORDER BY p.id LIMIT ?",
        (after_rev, *named, limit),
    ).fetchall()
    return [(int(position), int(number)) for position, number in rows]


def newest_position_change(connection: sqlite3.Connection) -> int:
    """The newest revision of any position, 0 without one."""
    return int(connection.execute("SELECT coalesce(max(rev), 0) FROM position").fetchall()[0][0])


def reward_parts(
    connection: sqlite3.Connection, position_id: int, close_number: int
) -> tuple[float, float, float]:
    """(profit, time, risk) of the reward in money, before their weights 10, 1 and 2. Raises CloseMissing."""
    rows = connection.execute(
        "SELECT c_pnl / 10.0, c_time, c_risk / 2.0 FROM reward WHERE position_id = ? AND close_number = ?",
        (position_id, close_number),
    ).fetchall()
    if not rows:
        raise CloseMissing(f"position {position_id} has no close number {close_number} with a reward")
    return float(rows[0][0]), float(rows[0][1]), float(rows[0][2])


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


def keep_labels(connection: sqlite3.Connection, position_id: int, returns: Labels, computed_ms: int) -> None:
    """The returns 1, 5 and 15 minutes after the entry, as far as they are known; what is known stays.

    `computed_ms` is 0 while some of these minutes are still to come.
    """
    connection.execute(
        "INSERT INTO outcome_label (position_id, return_1m, return_5m, return_15m, computed_ms) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (position_id) DO UPDATE SET "
        "return_1m = coalesce(return_1m, excluded.return_1m), "
        "return_5m = coalesce(return_5m, excluded.return_5m), "
        "return_15m = coalesce(return_15m, excluded.return_15m), "
        "computed_ms = max(computed_ms, excluded.computed_ms)",
        (position_id, *returns, computed_ms),
    )


def symbols_without_labels(connection: sqlite3.Connection) -> list[str]:
    """Symbols of positions that may still get a label."""
    rows = connection.execute(
        "SELECT DISTINCT p.symbol FROM outcome_label AS l JOIN position AS p ON p.id = l.position_id "
        "WHERE l.computed_ms = 0 ORDER BY p.symbol"
    ).fetchall()
    return [str(row[0]) for row in rows]


def unlabelled_closes(connection: sqlite3.Connection, run_id: int) -> list[tuple[int, int]]:
    """(position, when it was opened) of the closed positions of a run that may still get a label."""
    rows = connection.execute(
        "SELECT p.id, p.opened_ms FROM outcome_label AS l JOIN position AS p ON p.id = l.position_id "
        "WHERE l.computed_ms = 0 AND p.run_id = ? ORDER BY p.id",
        (run_id,),
    ).fetchall()
    return [(int(position), int(opened_ms)) for position, opened_ms in rows]


def positions_without_labels(
    connection: sqlite3.Connection, symbol: str, opened_until_ms: int
) -> list[ClosedPosition]:
    """Closed positions of a symbol that were opened by then and may still get a label, oldest first."""
    rows = connection.execute(
        f"{_CLOSED} JOIN outcome_label AS l ON l.position_id = p.id "
        "WHERE l.computed_ms = 0 AND p.symbol = ? AND p.opened_ms <= ? ORDER BY p.id",
        (symbol, opened_until_ms),
    ).fetchall()
    return [ClosedPosition(*row) for row in rows]
