"""The outbox of lessons: what waits, who has it in hand, and what became of it.

A lesson is waiting until its end is written: trained, skipped, failed or absent. A session that takes lessons
in hand writes its number beside them in the transaction that begins it; that a session has succeeded is what
makes its lessons trained, so they can be marked at any later time, and never be trained twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.clock import now_ms
from storage.closes import FAILED, TRAINED, WAITING
from storage.errors import StorageError
from storage.revision import next_rev

MOST_TRIES = 3
"""So many sessions may fail over a lesson before it is given up."""


class LessonsTaken(StorageError):
    """Another session has these lessons in hand."""


@dataclass(frozen=True)
class WaitingLesson:
    """A lesson with the trade that it is of. `signal_ms` is when the entry was decided."""

    id: int
    position_id: int
    close_number: int
    model: str
    weight: float
    reward: float
    reward_weight: float
    tries: int
    symbol: str
    side: str
    origin: str
    provenance: str
    signal_ms: int
    closed_ms: int
    net_return: float


@dataclass(frozen=True)
class LessonRow:
    """A lesson as it stands. `session_id` and `step` name what taught it."""

    id: int
    position_id: int
    close_number: int
    model: str
    weight: float
    reward: float
    reward_weight: float
    state: str
    reason: str
    session_id: int | None
    step: int | None
    loss: float | None
    pnl: float


_LESSON = (
    "SELECT o.id, o.position_id, o.close_number, o.model, o.weight, o.reward, o.reward_weight, o.state, "
    "o.reason, o.session_id, o.step, o.loss, p.pnl FROM outbox AS o "
    "JOIN position AS p ON p.id = o.position_id "
)


def waiting_lessons(
    connection: sqlite3.Connection, model: str, limit: int, *, position_id: int | None = None
) -> list[WaitingLesson]:
    """Lessons of a model that nobody has in hand, oldest first."""
    only = "" if position_id is None else "AND o.position_id = ? "
    rows = connection.execute(
        "SELECT o.id, o.position_id, o.close_number, o.model, o.weight, o.reward, o.reward_weight, o.tries, "
        "p.symbol, p.side, p.origin, p.provenance, coalesce(s.ts_ms, p.opened_ms), p.closed_ms, "
        "p.return_notional FROM outbox AS o JOIN position AS p ON p.id = o.position_id "
        "LEFT JOIN signal_position AS l ON l.position_id = p.id LEFT JOIN signal AS s ON s.id = l.signal_id "
        f"WHERE o.state = 'waiting' AND o.model = ? AND o.session_id IS NULL {only}ORDER BY o.id LIMIT ?",
        (model, *(() if position_id is None else (position_id,)), limit),
    ).fetchall()
    return [WaitingLesson(*row) for row in rows]


def sessions_in_hand(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """(session, model) of the sessions that have lessons in hand, oldest first."""
    return connection.execute(
        "SELECT DISTINCT session_id, model FROM outbox WHERE state = 'waiting' AND session_id IS NOT NULL "
        "ORDER BY session_id"
    ).fetchall()


def take_in_hand(connection: sqlite3.Connection, lesson_ids: Sequence[int], session_id: int) -> None:
    """Gives lessons to a session, the i-th to its step i + 1; call it in the transaction that begins it.

    Raises LessonsTaken when one of them is in other hands by now: then no session may begin.
    """
    rev = next_rev(connection)
    taken = connection.executemany(
        "UPDATE outbox SET session_id = ?, step = ?, reason = '', rev = ? "
        "WHERE id = ? AND state = 'waiting' AND session_id IS NULL",
        [(session_id, step, rev, lesson_id) for step, lesson_id in enumerate(lesson_ids, start=1)],
    ).rowcount
    if taken != len(lesson_ids):
        raise LessonsTaken(f"{len(lesson_ids) - taken} of these closes are taught by another session already")


def mark_trained(connection: sqlite3.Connection, session_id: int) -> list[LessonRow]:
    """The lessons of a session that has succeeded are trained; returns those that were not marked yet.

    Call it inside a transaction.
    """
    connection.execute(
        "UPDATE outbox SET state = ?, reason = '', done_ms = ?, rev = ?, tries = tries + 1, "
        "loss = (SELECT s.loss FROM step AS s "
        "WHERE s.session_id = outbox.session_id AND s.step = outbox.step) "
        "WHERE session_id = ? AND state = 'waiting'",
        (TRAINED, now_ms(), next_rev(connection), session_id),
    )
    return _lessons(connection, "WHERE o.session_id = ? AND o.state = 'trained' ORDER BY o.step", session_id)


def give_back(connection: sqlite3.Connection, session_id: int, reason: str, *, failed: bool) -> None:
    """The session came to nothing: its lessons wait for another one; call it inside a transaction.

    With `failed` it counts as a try; after the third a lesson has failed.
    """
    moment, rev = now_ms(), next_rev(connection)
    connection.execute(
        "UPDATE outbox SET session_id = NULL, step = NULL, reason = ?, tries = tries + ?, rev = ?, "
        "state = CASE WHEN tries + ? >= ? THEN 'failed' ELSE 'waiting' END, "
        "done_ms = CASE WHEN tries + ? >= ? THEN ? END WHERE session_id = ? AND state = 'waiting'",
        (reason, int(failed), rev, *(int(failed), MOST_TRIES) * 2, moment, session_id),
    )


def end_lessons(connection: sqlite3.Connection, ended: Sequence[tuple[int, str, str]]) -> None:
    """Writes (lesson, state, reason) of lessons that end without a session, or that wait with a reason.

    What says so already is not written again. Call it inside a transaction.
    """
    moment, rev = now_ms(), next_rev(connection)
    connection.executemany(
        "UPDATE outbox SET state = ?, reason = ?, done_ms = ?, rev = ? "
        "WHERE id = ? AND state = 'waiting' AND NOT (state = ? AND reason = ?)",
        [
            (state, reason, None if state == WAITING else moment, rev, lesson_id, state, reason)
            for lesson_id, state, reason in ended
        ],
    )


def count_failed_try(connection: sqlite3.Connection, lesson_ids: Sequence[int], reason: str) -> None:
    """A session over these lessons could not even begin; after the third time they have failed."""
    moment, rev = now_ms(), next_rev(connection)
    connection.executemany(
        "UPDATE outbox SET tries = tries + 1, reason = ?, rev = ?, "
        "state = CASE WHEN tries + 1 >= ? THEN ? ELSE state END, "
        "done_ms = CASE WHEN tries + 1 >= ? THEN ? END WHERE id = ? AND state = 'waiting'",
        [(reason, rev, MOST_TRIES, FAILED, MOST_TRIES, moment, each) for each in lesson_ids],
    )


def say_why_waiting(connection: sqlite3.Connection, model: str, reason: str) -> int:
    """Writes why the lessons of a model wait, where that is not what stands there; how many it was told of.

    Call it inside a transaction.
    """
    return connection.execute(
        "UPDATE outbox SET reason = ?, rev = ? "
        "WHERE state = 'waiting' AND model = ? AND session_id IS NULL AND reason <> ?",
        (reason, next_rev(connection), model, reason),
    ).rowcount


def lessons_of(connection: sqlite3.Connection, position_id: int, close_number: int = 1) -> list[LessonRow]:
    """The lessons of one close, by model."""
    return _lessons(
        connection,
        "WHERE o.position_id = ? AND o.close_number = ? ORDER BY o.model",
        position_id,
        close_number,
    )


def models_that_wait(connection: sqlite3.Connection) -> dict[str, int]:
    """How many lessons wait, by model; those in the hands of a session count too."""
    rows = connection.execute(
        "SELECT model, count(*) FROM outbox WHERE state = 'waiting' GROUP BY model"
    ).fetchall()
    return {model: int(count) for model, count in rows}


def newest_change(connection: sqlite3.Connection) -> int:
    """The newest revision of what teaching depends on: lessons that wait, and which version decides."""
    rows = connection.execute(
        "SELECT max(coalesce((SELECT max(rev) FROM outbox WHERE state = 'waiting'), 0), "
        "coalesce((SELECT max(rev) FROM artifact WHERE status = 'champion'), 0))"
    ).fetchall()
    return int(rows[0][0])


def closes_learned_from(connection: sqlite3.Connection, model: str) -> list[tuple[int, int]]:
    """(decided, closed) of every position that a model was trained on, UTC ms."""
    return connection.execute(
        "SELECT coalesce(s.ts_ms, p.opened_ms), p.closed_ms FROM outbox AS o "
        "JOIN position AS p ON p.id = o.position_id "
        "LEFT JOIN signal_position AS l ON l.position_id = p.id LEFT JOIN signal AS s ON s.id = l.signal_id "
        "WHERE o.state = 'trained' AND o.model = ? ORDER BY o.id",
        (model,),
    ).fetchall()


def newest_taught_version(connection: sqlite3.Connection, model: str) -> tuple[int, int] | None:
    """(version, session) of the newest version that a session of lessons has made; None without one."""
    rows = connection.execute(
        "SELECT a.version, a.session_id FROM artifact AS a WHERE a.agent = ? AND a.session_id IN "
        "(SELECT session_id FROM outbox WHERE model = ? AND session_id IS NOT NULL) "
        "ORDER BY a.version DESC LIMIT 1",
        (model, model),
    ).fetchall()
    return rows[0] if rows else None


def _lessons(connection: sqlite3.Connection, where: str, *values: Any) -> list[LessonRow]:
    return [LessonRow(*row) for row in connection.execute(_LESSON + where, values).fetchall()]
