"""Is everything alive, and how does it go: what the first screen shows, in one read.

Sums go over the newest closes of the newest run only: two backtests of one year would count every close
twice. They are read through the index on the time of the close, so that the page costs about the same
whatever the history.
"""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from storage.curves import EquityCurve, equity_curve
from storage.jobs import CLAIMABLE, FAILED, RUNNING, JobRow, WorkerRow, list_jobs, live_workers
from storage.runs import RunRow, get_run, latest_run_id

RECENT_CLOSES = 1000
"""How many of the newest closes the win rate and the mean reward are taken over."""

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Counts:
    """How much there is: bars, instruments, rows of each table."""

    bars: int
    instruments: int
    signals: int
    rejections: int
    open_positions: int
    closed_positions: int
    sessions: int
    artifacts: int


@dataclass(frozen=True)
class Closes:
    """Closed positions together; rates are None where there is nothing to divide by.

    `win_rate` is wins / (wins + losses), draws left out. Money is in the quote currency.
    """

    count: int
    wins: int
    losses: int
    pnl: float
    fees: float
    mean_reward: float | None

    @property
    def win_rate(self) -> float | None:
        """From 0 to 1."""
        decided = self.wins + self.losses
        return self.wins / decided if decided else None


@dataclass(frozen=True)
class Champion:
    """The version of an agent that is used, and what it is worth out of sample."""

    agent: str
    version: int
    metric: str
    value: float | None
    baseline: float | None
    created_ms: int


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong, newest first."""

    ts_ms: int
    severity: str
    kind: str
    subject: str
    text: str


@dataclass(frozen=True)
class Overview:
    """The state of a workspace. `last_day_ms` is the start (UTC) of the day of the newest close."""

    counts: Counts
    run: RunRow | None
    equity: EquityCurve | None
    last_day_ms: int | None
    last_day: Closes
    recent: Closes
    running: tuple[JobRow, ...]
    waiting: tuple[JobRow, ...]
    workers: tuple[WorkerRow, ...]
    champions: tuple[Champion, ...]
    troubles: tuple[Trouble, ...]
    disk_free_bytes: int
    database_bytes: int


def overview(connection: sqlite3.Connection, *, columns: int = 120, troubles: int = 5) -> Overview:
    """Reads all of it. `columns` is the width of the equity curve."""
    run_id = latest_run_id(connection)
    last_day_ms, last_day = _last_day(connection, run_id)
    path = Path(connection.execute("PRAGMA database_list").fetchall()[0][2])
    pages = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    return Overview(
        counts=read_counts(connection),
        run=None if run_id is None else get_run(connection, run_id),
        equity=None if run_id is None else equity_curve(connection, run_id, columns),
        last_day_ms=last_day_ms,
        last_day=last_day,
        recent=_recent(connection, run_id),
        running=tuple(list_jobs(connection, states=[RUNNING], limit=20)),
        waiting=tuple(list_jobs(connection, states=CLAIMABLE, limit=20)),
        workers=tuple(live_workers(connection)),
        champions=_champions(connection),
        troubles=_troubles(connection, troubles),
        disk_free_bytes=shutil.disk_usage(path.parent).free,
        database_bytes=int(pages.fetchall()[0][0]),
    )


def read_counts(connection: sqlite3.Connection) -> Counts:
    """How much there is of everything."""
    row = connection.execute(
        "SELECT (SELECT coalesce(sum(bars), 0) FROM candle_file), (SELECT count(*) FROM instrument), "
        "(SELECT count(*) FROM signal), (SELECT count(*) FROM rejection), "
        "(SELECT count(*) FROM position WHERE state <> 'closed'), "
        "(SELECT count(*) FROM position WHERE state = 'closed'), "
        "(SELECT count(*) FROM session), (SELECT count(*) FROM artifact)"
    ).fetchall()[0]
    return Counts(*row)


def _closes(connection: sqlite3.Connection, source: str, parameters: tuple[int | None, ...]) -> Closes:
    row = connection.execute(
        "SELECT count(*), coalesce(sum(pnl > 0), 0), coalesce(sum(pnl < 0), 0), coalesce(sum(pnl), 0.0), "
        f"coalesce(sum(fees), 0.0), avg(reward) FROM ({source})",
        parameters,
    ).fetchall()[0]
    return Closes(*row)


def _recent(connection: sqlite3.Connection, run_id: int | None) -> Closes:
    source = (
        "SELECT pnl, fees, reward FROM position WHERE closed_ms > 0 AND run_id = ? "
        "ORDER BY closed_ms DESC, id DESC LIMIT ?"
    )
    return _closes(connection, source, (run_id, RECENT_CLOSES))


def _last_day(connection: sqlite3.Connection, run_id: int | None) -> tuple[int | None, Closes]:
    newest = connection.execute(
        "SELECT closed_ms FROM position WHERE closed_ms > 0 AND run_id = ? ORDER BY closed_ms DESC LIMIT 1",
        (run_id,),
    ).fetchall()
    if not newest:
        return None, Closes(0, 0, 0, 0.0, 0.0, None)
    day_ms = newest[0][0] // DAY_MS * DAY_MS
    source = "SELECT pnl, fees, reward FROM position WHERE closed_ms >= ? AND run_id = ?"
    return day_ms, _closes(connection, source, (day_ms, run_id))


def _champions(connection: sqlite3.Connection) -> tuple[Champion, ...]:
    rows = connection.execute(
        "SELECT agent, version, metric, value, baseline, created_ms FROM artifact "
        "WHERE status = 'champion' ORDER BY agent"
    ).fetchall()
    return tuple(Champion(*row) for row in rows)


def _troubles(connection: sqlite3.Connection, limit: int) -> tuple[Trouble, ...]:
    """Errors and warnings among the newest events, and failed jobs."""
    events = connection.execute(
        "SELECT ts_ms, severity, kind, subject, text FROM "
        "(SELECT id, ts_ms, severity, kind, subject, text FROM event ORDER BY id DESC LIMIT 2000) "
        "WHERE severity IN ('warning', 'error') ORDER BY id DESC LIMIT ?",
        (limit,),
    ).fetchall()
    failed = [
        Trouble(job.ended_ms or job.created_ms, "error", job.kind, f"job {job.id}", job.error or job.title)
        for job in list_jobs(connection, states=[FAILED], limit=limit)
    ]
    found = [Trouble(*row) for row in events] + failed
    return tuple(sorted(found, key=lambda trouble: -trouble.ts_ms)[:limit])
