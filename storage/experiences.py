"""Experiences: one action in the state of a setup, with its reward.

Those of source `setup` say what each action would have earned over the horizon, those of source `close` what
a position did earn. A setup has one of each action and source, whoever computes them and how often.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.revision import next_rev

SETUP, CLOSE = "setup", "close"


class ExperienceRow(NamedTuple):
    """One row of `experience` before it was trained on."""

    setup_id: int
    position_id: int | None
    source: str
    ts_ms: int
    ends_ms: int
    symbol: str
    action: int
    reward: float
    terminated: int
    truncated: int
    next_setup_id: int | None
    is_profitable: int
    priority: float
    value: float
    provenance: str


class ClosedTrade(NamedTuple):
    """A closed position at whose signal there is a validated setup, and that no experience tells of yet."""

    setup_id: int
    position_id: int
    ts_ms: int
    closed_ms: int
    side: str
    net_return: float
    reward: float
    rapid: int
    novelty: float
    horizon_return: float
    provenance: str


class OpenEnd(NamedTuple):
    """An experience that holds and whose next setup was not there yet."""

    id: int
    setup_id: int
    ts_ms: int
    ends_ms: int


_COLUMNS = ", ".join(f'"{name}"' for name in ExperienceRow._fields)
_PRICE_RETURN = "CASE s.side WHEN 'long' THEN o.gross_return ELSE -o.gross_return END"
_MARKS = ", ".join("?" * (len(ExperienceRow._fields) + 2))


def add_experiences(connection: sqlite3.Connection, rows: Iterable[ExperienceRow]) -> int:
    """Stores experiences and returns how many were new; in the caller's transaction where there is one."""
    with joined_transaction(connection):
        moment, rev = now_ms(), next_rev(connection)
        return connection.executemany(
            f"INSERT OR IGNORE INTO experience ({_COLUMNS}, created_ms, rev) VALUES ({_MARKS})",
            ((*row, moment, rev) for row in rows),
        ).rowcount


def open_ends(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> list[OpenEnd]:
    """The experiences of a series that hold and lead nowhere yet, oldest first."""
    rows = connection.execute(
        "SELECT e.id, e.setup_id, e.ts_ms, e.ends_ms FROM setup AS s "
        "JOIN experience AS e ON e.setup_id = s.id AND e.\"action\" = 2 AND e.source = 'setup' "
        "WHERE s.symbol = ? AND s.timeframe_ms = ? AND e.truncated ORDER BY e.ts_ms",
        (symbol, timeframe_ms),
    ).fetchall()
    return [OpenEnd(*row) for row in rows]


def lead_on(connection: sqlite3.Connection, links: Sequence[tuple[int, int, int]]) -> None:
    """Gives experiences their next setup: (next setup, when it was known, experience)."""
    with joined_transaction(connection):
        rev = next_rev(connection)
        connection.executemany(
            f"UPDATE experience SET next_setup_id = ?, ends_ms = ?, truncated = 0, rev = {rev} WHERE id = ?",
            links,
        )


def closes_to_learn(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> list[ClosedTrade]:
    """Closed positions of a symbol that became no experience yet, oldest close first."""
    rows = connection.execute(
        "SELECT s.id, p.id, s.ts_ms, p.closed_ms, p.side, p.return_notional, p.reward, s.rapid, o.novelty, "
        f"{_PRICE_RETURN}, p.provenance "
        "FROM position AS p JOIN signal_position AS l ON l.position_id = p.id "
        "JOIN signal AS g ON g.id = l.signal_id "
        "JOIN setup AS s ON s.symbol = g.symbol AND s.timeframe_ms = ? AND s.ts_ms = g.ts_ms "
        "JOIN outcome AS o ON o.setup_id = s.id "
        "WHERE p.symbol = ? AND p.closed_ms > 0 AND NOT EXISTS (SELECT 1 FROM experience AS e WHERE "
        "e.setup_id = s.id AND e.\"action\" = (p.side <> 'long') AND e.source = 'close') "
        "ORDER BY p.closed_ms, p.id",
        (timeframe_ms, symbol),
    ).fetchall()
    return [ClosedTrade(*row) for row in rows]


class AgedExperience(NamedTuple):
    """What the priority of an experience is made of; `horizon_return` is that of the price, in logarithms."""

    id: int
    setup_id: int
    ts_ms: int
    action: int
    source: str
    td_error: float | None
    priority: float
    rapid: int
    horizon_return: float
    net_return: float | None


def aged_experiences(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> list[AgedExperience]:
    """Every experience of a series; `net_return` is that of its position, None where it has none."""
    rows = connection.execute(
        'SELECT e.id, s.id, e.ts_ms, e."action", e.source, e.td_error, e.priority, s.rapid, '
        f"{_PRICE_RETURN}, p.return_notional FROM setup AS s JOIN outcome AS o ON o.setup_id = s.id "
        "JOIN experience AS e ON e.setup_id = s.id LEFT JOIN position AS p ON p.id = e.position_id "
        "WHERE s.symbol = ? AND s.timeframe_ms = ? ORDER BY e.id",
        (symbol, timeframe_ms),
    ).fetchall()
    return [AgedExperience(*row) for row in rows]


def td_errors(connection: sqlite3.Connection) -> list[float]:
    """|TD error| of every experience that has one."""
    rows = connection.execute("SELECT abs(td_error) FROM experience WHERE td_error IS NOT NULL").fetchall()
    return [row[0] for row in rows]


def note_training(connection: sqlite3.Connection, rows: Sequence[tuple[float, int, int]]) -> None:
    """Notes of experiences what a training left: (TD error, how often drawn in it, id)."""
    with joined_transaction(connection):
        rev = next_rev(connection)
        connection.executemany(
            "UPDATE experience SET td_error = ?, training_count = training_count + ?, "
            f"rev = {rev} WHERE id = ?",
            rows,
        )
