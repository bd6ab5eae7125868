"""What reports count: signals of a stretch of time, what refused them, and what the accepted ones brought."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from storage.clock import now_ms
from storage.filters.moments import parse_moment

START = "start"
_IN = "s.ts_ms BETWEEN :first AND :last AND (:run IS NULL OR s.run_id = :run)"
_NEWEST = "SELECT max(ts_ms) FROM signal{where}"


@dataclass(frozen=True)
class Stretch:
    """Signals from `first_ms` to `last_ms`, both included; of one run, or of all."""

    first_ms: int
    last_ms: int
    run_id: int | None = None

    @property
    def named(self) -> dict[str, int | None]:
        """As parameters of a statement."""
        return {"first": self.first_ms, "last": self.last_ms, "run": self.run_id}


@dataclass
class SignalCounts:
    """Signals and rejected ones by what they were of: {dimension: {value: [signals, rejected]}}.

    Of a stage and of a code there are only rejections; their share is of all signals.
    """

    signals: int = 0
    rejected: int = 0
    of: dict[str, dict[str, list[int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """An accepted signal whose position has closed; `net_return` is of its notional, after costs."""

    signal_id: int
    ts_ms: int
    closed_ms: int
    strategy: str
    symbol: str
    net_return: float
    pnl: float


def newest_signal_ms(connection: sqlite3.Connection, run_id: int | None = None) -> int | None:
    """When the last signal came; None without any."""
    where = "" if run_id is None else " WHERE run_id = ?"
    rows = connection.execute(_NEWEST.format(where=where), () if run_id is None else (run_id,)).fetchall()
    return None if rows[0][0] is None else int(rows[0][0])


def oldest_signal_ms(connection: sqlite3.Connection, run_id: int | None = None) -> int | None:
    """When the first signal came; None without any."""
    rows = connection.execute(
        "SELECT min(ts_ms) FROM signal WHERE :run IS NULL OR run_id = :run", {"run": run_id}
    ).fetchall()
    return None if rows[0][0] is None else int(rows[0][0])


def stretch_since(connection: sqlite3.Connection, since: str, run_id: int | None = None) -> Stretch | None:
    """From a time in words (`7d`, `2024-09-01`, `start`) to the last signal; None without signals.

    A span counts back from the last signal. Raises FilterError.
    """
    newest, oldest = newest_signal_ms(connection, run_id), oldest_signal_ms(connection, run_id)
    if since == START:
        return None if newest is None or oldest is None else Stretch(oldest, newest, run_id)
    moment = parse_moment(since, f"SELECT {newest or 'NULL'}", now_ms(), 0, len(since)).first
    first = connection.execute(f"SELECT {moment.sql}", moment.parameters).fetchall()[0][0]
    return None if newest is None else Stretch(int(first), max(newest, int(first)), run_id)


def stretch_before(stretch: Stretch) -> Stretch:
    """The stretch of the same length that ends where this one begins."""
    length = stretch.last_ms - stretch.first_ms
    return Stretch(stretch.first_ms - 1 - length, stretch.first_ms - 1, stretch.run_id)


def count_signals(connection: sqlite3.Connection, stretch: Stretch) -> SignalCounts:
    """Signals of a stretch by strategy, symbol and hour of the day (UTC), rejections by stage and code."""
    counts = SignalCounts()
    for strategy, symbol, hour, signals, rejected in connection.execute(
        "SELECT s.strategy, s.symbol, s.ts_ms / 3600000 % 24, count(*), total(s.status = 'rejected') "
        f"FROM signal AS s WHERE {_IN} GROUP BY 1, 2, 3",
        stretch.named,
    ).fetchall():
        counts.signals += signals
        counts.rejected += int(rejected)
        of = {"strategy": strategy, "symbol": symbol, "hour": f"{hour:02}"}
        for name, value in of.items():
            both = counts.of.setdefault(name, {}).setdefault(value, [0, 0])
            both[0] += signals
            both[1] += int(rejected)
    for stage, code, rejected in connection.execute(
        "SELECT r.stage, r.code, count(*) FROM rejection AS r JOIN signal AS s ON s.id = r.signal_id "
        f"WHERE {_IN} GROUP BY 1, 2",
        stretch.named,
    ).fetchall():
        for name, value in (("stage", stage), ("code", code)):
            both = counts.of.setdefault(name, {}).setdefault(value, [counts.signals, 0])
            both[1] += rejected
    return counts


def read_outcomes(connection: sqlite3.Connection, stretch: Stretch) -> list[Outcome]:
    """Accepted signals of a stretch whose position has closed, oldest first."""
    rows = connection.execute(
        "SELECT s.id, s.ts_ms, p.closed_ms, s.strategy, s.symbol, p.return_notional, p.pnl FROM signal AS s "
        "JOIN signal_position AS l ON l.signal_id = s.id JOIN position AS p ON p.id = l.position_id "
        f"WHERE p.state = 'closed' AND {_IN} ORDER BY s.ts_ms, s.id",
        stretch.named,
    ).fetchall()
    return [Outcome(*row) for row in rows]


def read_refused_outcomes(connection: sqlite3.Connection, stretch: Stretch) -> list[Outcome]:
    """What rejected signals of a stretch would have come to, where hindsight knows."""
    rows = connection.execute(
        "SELECT s.id, s.ts_ms, s.ts_ms + h.hold_ms, s.strategy, s.symbol, h.net_return, h.pnl "
        "FROM hindsight AS h JOIN signal AS s ON s.id = h.signal_id "
        f"WHERE s.status = 'rejected' AND {_IN} ORDER BY s.ts_ms, s.id",
        stretch.named,
    ).fetchall()
    return [Outcome(*row) for row in rows]


def count_accepted(connection: sqlite3.Connection, stretch: Stretch) -> tuple[int, int]:
    """(accepted signals, those of them whose position is still open) of a stretch."""
    rows = connection.execute(
        "SELECT count(*), total(p.state <> 'closed') FROM signal AS s "
        "LEFT JOIN signal_position AS l ON l.signal_id = s.id "
        f"LEFT JOIN position AS p ON p.id = l.position_id WHERE s.status = 'accepted' AND {_IN}",
        stretch.named,
    ).fetchall()
    return int(rows[0][0]), int(rows[0][1])


def bot_said(
    connection: sqlite3.Connection, most: int
) -> tuple[dict[str, int], int, list[tuple[int, str, str]]]:
    """Of the bot's logs as far as they were read: actions by name, how many errors, and the latest of them.

    An error is (when, action, text).
    """
    kinds = connection.execute(
        "SELECT kind, count(*) FROM bot_event GROUP BY kind ORDER BY 2 DESC, 1"
    ).fetchall()
    errors = connection.execute("SELECT count(*) FROM bot_event WHERE severity = 'error'").fetchall()[0][0]
    latest = connection.execute(
        "SELECT ts_ms, kind, text FROM bot_event WHERE severity = 'error' "
        "ORDER BY ts_ms DESC, id DESC LIMIT ?",
        (most,),
    ).fetchall()
    return (
        {kind: int(count) for kind, count in kinds},
        int(errors),
        [(row[0], row[1], row[2]) for row in latest],
    )
