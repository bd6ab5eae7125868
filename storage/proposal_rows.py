"""Signals that a rule with a number has decided, or could have decided, with what each came to.

One signal counts once: of equal moment, symbol, strategy and side the one of the newest run. Orders by hand
and signals of programs are not among them.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

# What a rejected signal would have come to, and what an accepted one has: never added up as money earned.
_REFUSED = (
    "SELECT s.id, s.run_id, s.ts_ms, s.ts_ms + h.hold_ms, s.symbol, s.strategy, s.side, r.actual_value, "
    "h.net_return, 1 FROM rejection AS r JOIN signal AS s ON s.id = r.signal_id "
    "JOIN hindsight AS h ON h.signal_id = s.id WHERE r.code = :code AND r.actual_value IS NOT NULL "
    "AND (:run IS NULL OR s.run_id = :run)"
)
_TAKEN = (
    "SELECT s.id, s.run_id, s.ts_ms, p.closed_ms, s.symbol, s.strategy, s.side, s.confidence, "
    "p.return_notional, 0 FROM signal AS s JOIN signal_position AS l ON l.signal_id = s.id "
    "JOIN position AS p ON p.id = l.position_id JOIN trading_run AS t ON t.id = s.run_id "
    "WHERE p.state = 'closed' AND p.origin = 'signal' AND t.kind <> 'core' "
    "AND (:run IS NULL OR s.run_id = :run)"
)


@dataclass(frozen=True)
class Ruled:
    """One signal: the value that the rule looks at, when its trade ended and what that returned, net.

    A refused one would have returned it.
    """

    signal_id: int
    run_id: int
    ts_ms: int
    ends_ms: int
    symbol: str
    strategy: str
    side: str
    actual: float
    net_return: float
    is_refused: bool


def read_refused(connection: sqlite3.Connection, code: str, run_id: int | None = None) -> list[Ruled]:
    """Signals that a rule has rejected and hindsight has judged, oldest first."""
    return _read(connection, _REFUSED, code, run_id)


def read_taken(connection: sqlite3.Connection, run_id: int | None = None) -> list[Ruled]:
    """Signals that were traded and have closed, oldest first; `actual` is their confidence."""
    return _read(connection, _TAKEN, "", run_id)


def once_each(rows: list[Ruled]) -> list[Ruled]:
    """Each signal once, the one of the newest run, oldest first."""
    newest: dict[tuple[int, str, str, str], Ruled] = {}
    for row in sorted(rows, key=lambda row: row.signal_id):
        newest[row.ts_ms, row.symbol, row.strategy, row.side] = row
    return sorted(newest.values(), key=lambda row: (row.ts_ms, row.signal_id))


def _read(connection: sqlite3.Connection, sql: str, code: str, run_id: int | None) -> list[Ruled]:
    named = {"run": run_id} | ({"code": code} if code else {})
    rows = connection.execute(f"{sql} ORDER BY s.ts_ms, s.id", named).fetchall()
    return [Ruled(*(*row[:-1], bool(row[-1]))) for row in rows]
