"""What rejected signals would have earned: rows of their own, never part of what was earned.

The sums by rule say what a rule has saved (losses that were not made), what it has missed (profits that were
not made) and the difference of the two.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

from storage.insert import check_columns


@dataclass(frozen=True)
class HindsightRow:
    """A trade that was not made. `pnl` is in the quote currency at the default size of the run."""

    signal_id: int
    run_id: int
    ts_ms: int
    symbol: str
    strategy: str
    code: str
    exit_reason: str
    entry_price: float
    exit_price: float
    hold_ms: int
    net_return: float
    pnl: float
    computed_ms: int


@dataclass(frozen=True)
class Unjudged:
    """A rejected signal that has no hindsight yet; `ts_ms` is the time of the signal."""

    signal_id: int
    ts_ms: int
    side: str
    confidence: float
    price: float
    code: str


@dataclass(frozen=True)
class UnjudgedGroup:
    """How many such signals a run has of one strategy in one symbol."""

    run_id: int
    kind: str
    symbol: str
    strategy: str
    count: int


@dataclass(frozen=True)
class RuleSum:
    """One rule: how many signals it rejected, of how many the outcome is known, and what that comes to.

    `net` is saved - missed: above 0 the rule has earned its keep.
    """

    rule: str
    n: int
    judged: int
    saved: float
    missed: float
    net: float


_COLUMNS = tuple(field.name for field in fields(HindsightRow))

# Signals of programs (kind core) come without the rules that they would have left by.
_OPEN = (
    "FROM rejection AS r JOIN signal AS s ON s.id = r.signal_id JOIN trading_run AS t ON t.id = s.run_id "
    "LEFT JOIN hindsight AS h ON h.signal_id = r.signal_id WHERE h.signal_id IS NULL "
)
_FOLLOWED = (
    "AND t.kind <> 'core' AND s.side IN ('long', 'short') AND s.price > 0 AND EXISTS "
    "(SELECT 1 FROM candle_file AS f WHERE f.symbol = s.symbol AND f.last_close_ms > s.ts_ms)"
)


def add_hindsight(connection: sqlite3.Connection, rows: Iterable[HindsightRow]) -> int:
    """Adds rows and returns how many are new: a signal is judged once. Call it inside a transaction."""
    check_columns(connection, "hindsight", _COLUMNS)
    marks = ", ".join("?" * len(_COLUMNS))
    return connection.executemany(
        f"INSERT OR IGNORE INTO hindsight ({', '.join(_COLUMNS)}) VALUES ({marks})",
        [astuple(row) for row in rows],
    ).rowcount


def hindsight_of(connection: sqlite3.Connection, signal_id: int) -> HindsightRow | None:
    """What a rejected signal would have earned, None while that is not known."""
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM hindsight WHERE signal_id = ?", (signal_id,)
    ).fetchall()
    return HindsightRow(*rows[0]) if rows else None


def sums_by_rule(connection: sqlite3.Connection, run_id: int | None = None) -> list[RuleSum]:
    """Every rule that rejected something, most rejections first; of one run, or of all."""
    where, parameters = ("WHERE r.run_id = ?", (run_id,)) if run_id is not None else ("", ())
    rows = connection.execute(
        "SELECT r.code, count(*), count(h.signal_id), total(CASE WHEN h.pnl < 0 THEN -h.pnl END), "
        "total(CASE WHEN h.pnl > 0 THEN h.pnl END) FROM rejection AS r "
        f"LEFT JOIN hindsight AS h ON h.signal_id = r.signal_id {where} "
        "GROUP BY r.code ORDER BY count(*) DESC, r.code",
        parameters,
    ).fetchall()
    return [
        RuleSum(code, n, judged, saved, missed, saved - missed) for code, n, judged, saved, missed in rows
    ]


def quote_currency(connection: sqlite3.Connection) -> str:
    """What these sums are in: the one quote currency of all instruments, "" where there are several."""
    rows = connection.execute("SELECT DISTINCT quote FROM instrument LIMIT 2").fetchall()
    return str(rows[0][0]) if len(rows) == 1 else ""


def unjudged_groups(connection: sqlite3.Connection) -> list[UnjudgedGroup]:
    """Rejected signals without hindsight, counted by run, symbol and strategy."""
    rows = connection.execute(
        f"SELECT s.run_id, t.kind, s.symbol, s.strategy, count(*) {_OPEN}"
        "GROUP BY s.run_id, t.kind, s.symbol, s.strategy ORDER BY s.symbol, s.run_id, s.strategy"
    ).fetchall()
    return [UnjudgedGroup(*row) for row in rows]


def unjudged(
    connection: sqlite3.Connection, run_id: int, symbol: str, strategy: str, after_id: int, limit: int
) -> list[Unjudged]:
    """Signals of a group with a number above `after_id`, in order."""
    rows = connection.execute(
        f"SELECT s.id, s.ts_ms, s.side, s.confidence, s.price, r.code {_OPEN}"
        "AND s.run_id = ? AND s.symbol = ? AND s.strategy = ? AND s.id > ? ORDER BY s.id LIMIT ?",
        (run_id, symbol, strategy, after_id, limit),
    ).fetchall()
    return [Unjudged(*row) for row in rows]


def candles_follow(connection: sqlite3.Connection) -> bool:
    """Whether a rejected signal without hindsight has candles after it."""
    return bool(connection.execute(f"SELECT EXISTS (SELECT 1 {_OPEN}{_FOLLOWED})").fetchall()[0][0])


def newest_sight(connection: sqlite3.Connection) -> str:
    """The state of what hindsight depends on: it changes with every rejection and every new candle."""
    rows = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM rejection), 0), coalesce((SELECT max(rev) FROM candle_file), 0)"
    ).fetchall()
    return "{}/{}".format(*rows[0])
