"""What whoever watches paper trading wants to see of a run, in one read: account, positions, orders.

Sums of a day count the UTC day of the run's last bar, as its limits do: a playback lives in its own time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage import jobs as queue
from storage import paper_runs
from storage.curves import EquityCurve, equity_curve
from storage.jobs import JobRow, WorkerRow, list_workers
from storage.order_requests import OrderRow, list_orders
from storage.paper_runs import PaperRunRow
from storage.runs import RunRow, get_run

DAY_MS = 86_400_000
MOST_POSITIONS = 200
"""Open positions that are read; a run's limits allow five unless they were raised."""

OF_RUN = "AND +p.run_id = ?"
"""With a plus, so that what is held is found by its state and not among all that the run has closed."""

MOST_RUNS = 30
"""Runs that one can go back to."""


@dataclass(frozen=True)
class OpenPosition:
    """Something held. `last` is the newest close that its run has decided on, None where none is known.

    `now_ms` is the run's last moment, 0 where the run keeps none; `signal_id` is None for what has no signal.
    """

    id: int
    run_id: int
    symbol: str
    side: str
    strategy: str
    origin: str
    state: str
    opened_ms: int
    quantity: float
    entry_price: float
    notional: float
    fees: float
    stop_price: float | None
    target_price: float | None
    exit_reason: str
    signal_id: int | None
    last: float | None
    now_ms: int

    @property
    def by_hand(self) -> bool:
        """Whether it was ordered by hand."""
        return self.origin == "manual"

    @property
    def pnl(self) -> float | None:
        """What it would bring at the last close after the fee of its entry, in the quote currency."""
        if self.last is None:
            return None
        sign = 1.0 if self.side == "long" else -1.0
        return sign * (self.last - self.entry_price) * self.quantity - self.fees

    @property
    def pnl_fraction(self) -> float | None:
        """The same as a share of what was paid."""
        pnl = self.pnl
        return None if pnl is None or not self.notional else pnl / self.notional

    @property
    def hold_ms(self) -> int:
        """How long it has been held, in the time of the run."""
        return max(0, self.now_ms - self.opened_ms)


@dataclass(frozen=True)
class Decision:
    """A signal and what became of it; `code` and `text` say why it was rejected."""

    signal_id: int
    ts_ms: int
    symbol: str
    strategy: str
    side: str
    confidence: float
    price: float
    status: str
    code: str
    text: str


@dataclass(frozen=True)
class Day:
    """The UTC day of the last bar: `pnl` is the change of the equity, `closed` and `won` count closes."""

    start_ms: int
    pnl: float
    closed: int
    won: int
    realised: float


@dataclass(frozen=True)
class Trading:
    """Which runs go on, and what is held: enough to know which orders are possible."""

    runs: tuple[PaperRunRow, ...]
    positions: tuple[OpenPosition, ...]


@dataclass(frozen=True)
class PaperDesk:
    """Everything of one run, `row` None where there is none yet.

    `runs` are those that go on, `known` the newest of all by number and state. `start` is the newest job
    that was to begin a run and has not done so.
    """

    runs: tuple[PaperRunRow, ...]
    row: PaperRunRow | None = None
    run: RunRow | None = None
    job: JobRow | None = None
    workers: tuple[WorkerRow, ...] = ()
    exposure: float = 0.0
    equity: EquityCurve | None = None
    day: Day | None = None
    positions: tuple[OpenPosition, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    decisions: tuple[Decision, ...] = ()
    start: JobRow | None = None
    known: tuple[tuple[int, str], ...] = ()

    @property
    def ordered(self) -> frozenset[int]:
        """The signals that were accepted and are not filled yet."""
        return frozenset() if self.row is None else ordered_signals(self.row)

    @property
    def now_ms(self) -> int:
        """The close of the last bar that was decided on, 0 before the first."""
        return max(self.row.until_ms.values(), default=0) if self.row is not None else 0


def read_trading(connection: sqlite3.Connection) -> Trading:
    """The runs that go on, and all open positions, newest first."""
    runs = tuple(paper_runs.list_paper_runs(connection, active=True))
    return Trading(runs, open_positions(connection, runs))


def read_desk(
    connection: sqlite3.Connection, run_id: int | None = None, *, columns: int = 200, rows: int = 50
) -> PaperDesk:
    """A run: that of the number, else the newest that goes on, else the newest of all.

    `columns` is the width of the equity curve, `rows` how many orders and decisions are wanted.
    """
    active = tuple(paper_runs.list_paper_runs(connection, active=True))
    row = _chosen(connection, active, run_id)
    workers = tuple(list_workers(connection))
    start = _start(connection, row)
    if row is None:
        return PaperDesk(active, workers=workers, start=start)
    run = get_run(connection, row.run_id)
    return PaperDesk(
        runs=active,
        row=row,
        run=run,
        job=paper_runs.job_of(connection, row.run_id),
        workers=workers,
        exposure=_exposure(connection, row.run_id),
        equity=equity_curve(connection, row.run_id, columns),
        day=None if run is None else _day(connection, run, max(row.until_ms.values(), default=0)),
        positions=open_positions(connection, (row,), OF_RUN, row.run_id),
        orders=tuple(list_orders(connection, row.run_id, limit=rows)),
        decisions=last_decisions(connection, row.run_id, limit=rows),
        start=start,
        known=_known(connection),
    )


def open_positions(
    connection: sqlite3.Connection, runs: Sequence[PaperRunRow], which: str = "", *named: int
) -> tuple[OpenPosition, ...]:
    """What is held, newest first, valued at the last closes of these runs; `which` narrows the statement."""
    rows = connection.execute(
        "SELECT p.id, p.run_id, p.symbol, p.side, p.strategy, p.origin, p.state, p.opened_ms, p.qty, "
        "p.entry_price, p.notional, p.fees, p.stop_price, p.target_price, p.exit_reason, l.signal_id "
        "FROM position AS p LEFT JOIN signal_position AS l ON l.position_id = p.id "
        f"WHERE p.state IN ('open', 'closing') {which} ORDER BY p.id DESC LIMIT ?",
        (*named, MOST_POSITIONS),
    ).fetchall()
    known = {row.run_id: (last_closes(row.names), max(row.until_ms.values(), default=0)) for row in runs}
    found = []
    for row in rows:
        closes, now_ms = known.get(row[1], ({}, 0))
        found.append(OpenPosition(*(*row, closes.get(row[2]), now_ms)))
    return tuple(found)


def held_position(connection: sqlite3.Connection, position_id: int) -> OpenPosition | None:
    """One that is held, valued at the last close of its run; None once it is closed."""
    runs = paper_runs.list_paper_runs(connection, active=True)
    return next(iter(open_positions(connection, runs, "AND p.id = ?", position_id)), None)


def last_closes(names: Mapping[str, Any]) -> dict[str, float]:
    """The last close of each symbol, from what a run keeps of itself; symbols without one are left out."""
    pairs = zip(names.get("symbols", ()), names.get("closes", ()), strict=False)
    return {symbol: float(close) for symbol, close in pairs if close > 0.0}


def ordered_signals(row: PaperRunRow) -> frozenset[int]:
    """The signals of a run that were accepted and are not filled yet."""
    alive: Mapping[str, int] = row.names.get("signals", {})
    return frozenset(signal for number, signal in alive.items() if number not in row.positions)


def last_decisions(connection: sqlite3.Connection, run_id: int, *, limit: int = 50) -> tuple[Decision, ...]:
    """The newest signals of a run first, each with the rule that rejected it."""
    rows = connection.execute(
        "SELECT s.id, s.ts_ms, s.symbol, s.strategy, s.side, s.confidence, s.price, s.status, "
        "coalesce(r.code, ''), coalesce(r.text, '') FROM signal AS s "
        "LEFT JOIN rejection AS r ON r.signal_id = s.id WHERE s.run_id = ? ORDER BY s.id DESC LIMIT ?",
        (run_id, limit),
    ).fetchall()
    return tuple(Decision(*row) for row in rows)


def _chosen(
    connection: sqlite3.Connection, active: Sequence[PaperRunRow], run_id: int | None
) -> PaperRunRow | None:
    if run_id is not None:
        return paper_runs.get_paper_run(connection, run_id)
    if active:
        return active[0]
    newest = connection.execute("SELECT max(run_id) FROM paper_run").fetchall()[0][0]
    return None if newest is None else paper_runs.get_paper_run(connection, newest)


def _start(connection: sqlite3.Connection, row: PaperRunRow | None) -> JobRow | None:
    """The newest job of paper trading, where it is one that was to begin a run and has none yet."""
    newest = next(iter(queue.list_jobs(connection, kind=paper_runs.KIND, limit=1)), None)
    if newest is None or newest.arguments.get("run_id") is not None or newest.state == queue.CANCELLED:
        return None
    return newest


def _known(connection: sqlite3.Connection) -> tuple[tuple[int, str], ...]:
    rows = connection.execute(
        "SELECT run_id, state FROM paper_run ORDER BY run_id DESC LIMIT ?", (MOST_RUNS,)
    ).fetchall()
    return tuple((int(run_id), str(state)) for run_id, state in rows)


def _exposure(connection: sqlite3.Connection, run_id: int) -> float:
    rows = connection.execute(
        "SELECT exposure FROM equity_point WHERE run_id = ? ORDER BY ts_ms DESC LIMIT 1", (run_id,)
    ).fetchall()
    return float(rows[0][0]) if rows else 0.0


def _day(connection: sqlite3.Connection, run: RunRow, now_ms: int) -> Day | None:
    if not now_ms:
        return None
    start_ms = (now_ms - 1) // DAY_MS * DAY_MS
    before = connection.execute(
        "SELECT equity FROM equity_point WHERE run_id = ? AND ts_ms <= ? ORDER BY ts_ms DESC LIMIT 1",
        (run.id, start_ms),
    ).fetchall()
    closed, won, realised = connection.execute(
        "SELECT count(*), coalesce(sum(pnl > 0), 0), coalesce(sum(pnl), 0.0) FROM position "
        "WHERE closed_ms > ? AND closed_ms <= ? AND run_id = ?",
        (start_ms, start_ms + DAY_MS, run.id),
    ).fetchall()[0]
    began = float(before[0][0]) if before else run.start_equity
    return Day(start_ms, run.end_equity - began, closed, won, realised)
