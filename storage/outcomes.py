"""Outcomes of setups: which setups still wait for one, and what becomes of them in one transaction.

An outcome is a row of its own; what pages sort and filter by stands in the setup as well. A setup has one
outcome at most, so a validation that is repeated or that was killed adds nothing twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.revision import next_rev

WAITING, VALIDATED, INCOMPLETE = "waiting", "validated", "incomplete"
REASON_PREFIX = "outcome:"
"""Reasons of an outcome that cannot be had start with this, beside those of packages that were refused."""


class PendingSetup(NamedTuple):
    """A setup without an outcome; `side` is long or short, `taken` the action that was taken."""

    id: int
    ts_ms: int
    side: str
    taken: int
    price: float
    rapid: int
    pack_id: int
    pack_row: int
    state: str
    provenance: str


class OutcomeRow(NamedTuple):
    """One row of `outcome`, all but its id and when it was validated."""

    setup_id: int
    horizon_ms: int
    cost_bps: float
    entry_price: float
    exit_price: float
    gross_return: float
    net_return: float
    return_1m: float | None
    return_5m: float | None
    return_15m: float | None
    mae: float
    mfe: float
    score: float
    optimal_action: int
    is_profitable: int
    regret: float
    novelty: float
    value: float


class Reason(NamedTuple):
    """Why outcomes of a series cannot be had now: how many, the last, and one of them in words."""

    n: int
    last_ts_ms: int
    example: str


_PENDING = ", ".join(PendingSetup._fields)
_OUTCOME = ", ".join(OutcomeRow._fields)
_MARKS = ", ".join("?" * (len(OutcomeRow._fields) + 1))


def pending_setups(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> list[PendingSetup]:
    """The setups of a series that have no outcome, oldest first."""
    rows = connection.execute(
        f"SELECT {_PENDING} FROM setup WHERE symbol = ? AND timeframe_ms = ? AND state <> 'validated' "
        "ORDER BY ts_ms",
        (symbol, timeframe_ms),
    ).fetchall()
    return [PendingSetup(*row) for row in rows]


def places_before(
    connection: sqlite3.Connection, symbol: str, timeframe_ms: int, first_ms: int, last_ms: int, memory: int
) -> list[tuple[int, int, int]]:
    """(id, pack, row in it) of the setups of a series from `first_ms` to `last_ms`, and `memory` before them.

    Oldest first, whatever their state: a state was seen whether or not its outcome is known.
    """
    earlier = connection.execute(
        "SELECT id, pack_id, pack_row FROM setup WHERE symbol = ? AND timeframe_ms = ? AND ts_ms < ? "
        "ORDER BY ts_ms DESC LIMIT ?",
        (symbol, timeframe_ms, first_ms, memory),
    ).fetchall()
    inside = connection.execute(
        "SELECT id, pack_id, pack_row FROM setup WHERE symbol = ? AND timeframe_ms = ? "
        "AND ts_ms BETWEEN ? AND ? ORDER BY ts_ms",
        (symbol, timeframe_ms, first_ms, last_ms),
    ).fetchall()
    return [*reversed(earlier), *inside]


def next_setups(
    connection: sqlite3.Connection, symbol: str, timeframe_ms: int, first_ms: int
) -> list[tuple[int, int]]:
    """(id, moment) of all setups of a series from `first_ms` on, oldest first."""
    return connection.execute(
        "SELECT id, ts_ms FROM setup WHERE symbol = ? AND timeframe_ms = ? AND ts_ms >= ? ORDER BY ts_ms",
        (symbol, timeframe_ms, first_ms),
    ).fetchall()


def add_outcomes(
    connection: sqlite3.Connection,
    symbol: str,
    timeframe_ms: int,
    outcomes: Sequence[OutcomeRow],
    priorities: Iterable[float],
) -> int:
    """Stores outcomes with the training priorities of their setups; returns how many were new.

    In the caller's transaction where there is one. The counts of the series are kept in step.
    """
    with joined_transaction(connection):
        moment, rev = now_ms(), next_rev(connection)
        added = connection.executemany(
            f"INSERT OR IGNORE INTO outcome ({_OUTCOME}, validated_ms) VALUES ({_MARKS})",
            ((*row, moment) for row in outcomes),
        ).rowcount
        connection.executemany(
            "UPDATE setup SET state = 'validated', net_return = ?, score = ?, is_profitable = ?, "
            "optimal_action = ?, value = ?, priority = ?, rev = ? WHERE id = ?",
            (
                (
                    *(row.net_return, row.score, row.is_profitable, row.optimal_action, row.value),
                    *(priority, rev, row.setup_id),
                )
                for row, priority in zip(outcomes, priorities, strict=True)
            ),
        )
        connection.execute(
            "UPDATE collection SET validated = validated + ?, updated_ms = ?, rev = ? "
            "WHERE symbol = ? AND timeframe_ms = ?",
            (added, moment, rev, symbol, timeframe_ms),
        )
    return added


def set_incomplete(
    connection: sqlite3.Connection,
    symbol: str,
    timeframe_ms: int,
    ids: Iterable[int],
    reasons: Mapping[str, Reason],
) -> None:
    """Marks setups whose outcome cannot be had, and says of their series why, in counts that hold now.

    `ids` are those that are not marked yet; `reasons` are of all that are incomplete. A reason that is not
    named any more is gone.
    """
    with joined_transaction(connection):
        rev = next_rev(connection)
        connection.executemany(
            "UPDATE setup SET state = 'incomplete', rev = ? WHERE id = ? AND state = 'waiting'",
            ((rev, id) for id in ids),
        )
        found = connection.execute(
            "SELECT id FROM collection WHERE symbol = ? AND timeframe_ms = ?", (symbol, timeframe_ms)
        ).fetchall()
        if not found:
            return
        collection = found[0][0]
        connection.execute(
            "DELETE FROM collection_refusal WHERE collection_id = ? AND reason LIKE ? || '%'",
            (collection, REASON_PREFIX),
        )
        connection.executemany(
            "INSERT INTO collection_refusal (collection_id, reason, n, last_ts_ms, example) "
            "VALUES (?, ?, ?, ?, ?)",
            ((collection, reason, *told) for reason, told in reasons.items()),
        )
        connection.execute("UPDATE collection SET rev = ? WHERE id = ?", (rev, collection))


def incomplete_reasons(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> dict[str, Reason]:
    """Why outcomes of a series could not be had when it was last looked at."""
    rows = connection.execute(
        "SELECT r.reason, r.n, r.last_ts_ms, r.example FROM collection_refusal AS r "
        "JOIN collection AS c ON c.id = r.collection_id "
        "WHERE c.symbol = ? AND c.timeframe_ms = ? AND r.reason LIKE ? || '%'",
        (symbol, timeframe_ms, REASON_PREFIX),
    ).fetchall()
    return {row[0]: Reason(*row[1:]) for row in rows}


def aged_setups(
    connection: sqlite3.Connection, symbol: str, timeframe_ms: int
) -> list[tuple[int, int, float, int, float]]:
    """(id, moment, score, rapid, priority) of every validated setup of a series, oldest first."""
    return connection.execute(
        "SELECT id, ts_ms, score, rapid, priority FROM setup "
        "WHERE symbol = ? AND timeframe_ms = ? AND state = 'validated' ORDER BY ts_ms",
        (symbol, timeframe_ms),
    ).fetchall()


def set_priorities(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[float, int]]) -> None:
    """Sets (priority, id) of setups or of experiences, all with one revision."""
    if table not in ("setup", "experience"):
        raise ValueError(f"only setups and experiences have a priority, not {table!r}")
    with joined_transaction(connection):
        rev = next_rev(connection)
        connection.executemany(
            f"UPDATE {table} SET priority = ?, rev = {rev} WHERE id = ?",
            rows,
        )
