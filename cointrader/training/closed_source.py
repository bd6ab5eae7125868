"""Signals whose position has closed, with what else the account held: what a `DecisionSource` answers.

A market that was played through twice has each of its signals twice. One signal counts once: of equal moment,
symbol, strategy and side the one of the newest run is taken, so that repeating a run adds no rows.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from models.decision.closed_signals import AskedSignals, ClosedSignals

SIDES = {"long": 1, "short": -1}

_CLOSED = (
    "SELECT s.id, s.run_id, s.ts_ms, p.closed_ms, s.symbol, s.strategy, s.side, s.confidence, p.notional, "
    "p.equity_at_entry, p.pnl, p.return_notional, s.provenance, p.provenance "
    "FROM signal AS s JOIN signal_position AS l ON l.signal_id = s.id "
    "JOIN position AS p ON p.id = l.position_id "
    "WHERE p.state = 'closed' AND p.closed_ms >= s.ts_ms AND s.ts_ms > 0 ORDER BY s.ts_ms, s.id"
)

# Read backwards along these, the last closes are found without a look at the others.
_WAYS = (
    ("ix_position_closed_ms", ""),
    ("ix_position_symbol_closed_ms", "AND p.symbol = :symbol"),
)
# One signal counts once, and its newest run counts: rows that a later run has again are left out.
_BEFORE = (
    "SELECT s.id, s.ts_ms, p.closed_ms, s.symbol, s.strategy, s.side, s.confidence, p.pnl, p.return_notional "
    "FROM position AS p INDEXED BY {index} CROSS JOIN signal_position AS l ON l.position_id = p.id "
    "CROSS JOIN signal AS s ON s.id = l.signal_id WHERE p.state = 'closed' AND p.strategy = :strategy "
    "AND p.closed_ms < :ts_ms AND p.closed_ms >= s.ts_ms AND s.ts_ms > 0 {of_symbol} AND NOT EXISTS ("
    "SELECT 1 FROM signal AS n JOIN signal_position AS m ON m.signal_id = n.id "
    "JOIN position AS q ON q.id = m.position_id WHERE q.state = 'closed' AND n.symbol = s.symbol "
    "AND n.ts_ms = s.ts_ms AND n.strategy = s.strategy AND n.side = s.side AND n.id > s.id) "
    "ORDER BY p.closed_ms DESC, s.ts_ms DESC, s.id DESC LIMIT :last"
)


@dataclass(frozen=True)
class StoredCloses:
    """Closed signals with the ids of their rows, and the lineages they come from."""

    ids: tuple[int, ...]
    closed: ClosedSignals
    lineage: frozenset[str]


def read_closed_signals(
    connection: sqlite3.Connection, symbols: str = "all", only: Collection[int] | None = None
) -> StoredCloses:
    """Closed signals of the named symbols ("all" or a comma list), oldest first; `only` these ids, if given.

    What was held beside a signal is known from every closed position of its run, named or not.
    """
    found = connection.execute(_CLOSED).fetchall()
    exposure = _exposures(found)
    wanted = None if symbols.strip().lower() == "all" else _names(symbols)
    newest: dict[tuple[int, str, str, str], int] = {}
    for row, (id, _, ts_ms, _, symbol, strategy, side, *_) in enumerate(found):
        if (wanted is None or symbol.upper() in wanted) and (only is None or id in only):
            newest[ts_ms, symbol, strategy, side] = row
    chosen = [found[row] for row in newest.values()]
    asked = AskedSignals(
        ts_ms=np.array([row[2] for row in chosen], dtype=np.int64),
        symbol=tuple(row[4] for row in chosen),
        strategy=tuple(row[5] for row in chosen),
        side=np.array([SIDES.get(row[6], 0) for row in chosen], dtype=np.int64),
        confidence=np.array([_number(row[7]) for row in chosen], dtype=np.float64),
        exposure=np.array([exposure[row[0]] for row in chosen], dtype=np.float64),
    )
    closed = ClosedSignals(
        asked,
        ends_ms=np.array([row[3] for row in chosen], dtype=np.int64),
        pays=np.array([row[10] > 0.0 for row in chosen], dtype=np.bool_),
        net_return=np.array([_number(row[11]) for row in chosen], dtype=np.float64),
    )
    lineage = frozenset(row[12] for row in chosen) | {row[13] for row in chosen}
    return StoredCloses(tuple(row[0] for row in chosen), closed, lineage)


def read_closed_before(
    connection: sqlite3.Connection, ts_ms: int, strategy: str, symbol: str, last: int
) -> ClosedSignals:
    """What the features of one signal depend on: the last closes of its strategy before it, in all and in
    its symbol, so many of each, in the order they closed. What else was held beside them is not told.
    """
    told = {"ts_ms": ts_ms, "strategy": strategy, "symbol": symbol, "last": last}
    found: dict[int, tuple[int, int, str, str, str, float, float, float]] = {}
    for index, of_symbol in _WAYS:
        query = _BEFORE.format(index=index, of_symbol=of_symbol)
        for id, *row in connection.execute(query, told).fetchall():
            found[id] = tuple(row)
    rows = [row for _, row in sorted(found.items(), key=lambda item: (item[1][1], item[1][0], item[0]))]
    asked = AskedSignals(
        ts_ms=np.array([row[0] for row in rows], dtype=np.int64),
        symbol=tuple(row[2] for row in rows),
        strategy=tuple(row[3] for row in rows),
        side=np.array([SIDES.get(row[4], 0) for row in rows], dtype=np.int64),
        confidence=np.array([_number(row[5]) for row in rows], dtype=np.float64),
        exposure=np.full(len(rows), np.nan),
    )
    return ClosedSignals(
        asked,
        ends_ms=np.array([row[1] for row in rows], dtype=np.int64),
        pays=np.array([row[6] > 0.0 for row in rows], dtype=np.bool_),
        net_return=np.array([_number(row[7]) for row in rows], dtype=np.float64),
    )


def _exposures(found: list[tuple[object, ...]]) -> dict[int, float]:
    """By signal, the share of equity in positions of its run that were asked for before it and still open."""
    held: dict[int, list[tuple[int, float]]] = {}
    known: dict[int, float] = {}
    waiting: dict[int, list[tuple[int, int, float]]] = {}
    for id, run, ts, ends, *_, notional, equity, _, _, _, _ in found:
        assert isinstance(id, int) and isinstance(run, int) and isinstance(ts, int) and isinstance(ends, int)
        # Positions of one moment do not know of each other: they are added when a later signal comes.
        before = waiting.setdefault(run, [])
        earlier = [(end, size) for begun, end, size in before if begun < ts]
        waiting[run] = [each for each in before if each[0] >= ts]
        open_now = [each for each in (*held.get(run, ()), *earlier) if each[0] > ts]
        held[run] = open_now
        waiting[run].append((ts, ends, _number(notional)))
        share = math.fsum(size for _, size in open_now) / _number(equity) if _number(equity) > 0 else math.nan
        known[id] = share
    return known


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _names(symbols: str) -> set[str]:
    return {name.strip().upper() for name in symbols.split(",") if name.strip()}
