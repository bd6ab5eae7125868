"""One read of everything that Live shows; curves of ended sessions are kept, they do not change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from storage.artifact_rows import ArtifactRow
from storage.curves import Curve, EquityCurve, equity_curve, metric_names, read_curve
from storage.jobs import RUNNING, JobNotFound, JobRow, WorkerRow, get_job, list_jobs, list_workers
from storage.runs import latest_run_id
from storage.sessions import SessionRow
from storage.steps import JournalRow, journal_of
from storage.training_overview import recent_sessions, sessions_of, version_of_session

COLUMNS = 1_500
EQUITY_COLUMNS = 400
AT_ONCE = 4
"""Sessions that are drawn over each other at most."""


@dataclass(frozen=True)
class RunView:
    """One session that is shown: its row, its job, its curves by name, what became of it, and how its steps
    are kept."""

    session: SessionRow
    job: JobRow | None
    curves: dict[str, Curve]
    version: ArtifactRow | None
    journal: JournalRow | None = None


@dataclass(frozen=True)
class LiveView:
    """The sessions to choose from, those that are shown, and who works."""

    sessions: tuple[SessionRow, ...]
    shown: tuple[RunView, ...]
    other_jobs: tuple[JobRow, ...]
    workers: tuple[WorkerRow, ...]
    equity: EquityCurve | None


@dataclass
class LiveReader:
    """Remembers the curves of sessions that have ended. Used by one thread at a time."""

    _ended: dict[tuple[int, int], dict[str, Curve]] = field(default_factory=dict)

    def read(self, connection: sqlite3.Connection, wanted: Sequence[int]) -> LiveView:
        """The view; without wishes those sessions that run, else the newest."""
        sessions = tuple(recent_sessions(connection, limit=50))
        chosen = sessions_of(connection, wanted) if wanted else automatic(sessions)
        running = list_jobs(connection, states=[RUNNING], limit=20)
        shown = tuple(self._run(connection, session) for session in chosen[:AT_ONCE])
        jobs = {run.job.id for run in shown if run.job is not None}
        run_id = latest_run_id(connection)
        return LiveView(
            sessions=sessions,
            shown=shown,
            other_jobs=tuple(job for job in running if job.id not in jobs),
            workers=tuple(list_workers(connection)),
            equity=None if run_id is None else equity_curve(connection, run_id, EQUITY_COLUMNS),
        )

    def _run(self, connection: sqlite3.Connection, session: SessionRow) -> RunView:
        key = (session.id, session.rev)
        curves = self._ended.get(key)
        if curves is None:
            curves = {
                name: read_curve(connection, session.id, name, columns=COLUMNS)
                for name in metric_names(connection, session.id)
            }
            if session.state != "running":
                self._ended[key] = curves
        return RunView(
            session,
            job_of(connection, session),
            curves,
            version_of_session(connection, session.id),
            journal_of(connection, session.id),
        )


def automatic(sessions: Sequence[SessionRow]) -> list[SessionRow]:
    """What is shown when nobody has chosen: everything that runs, else the newest session."""
    running = [session for session in sessions if session.state == "running"]
    return (running or list(sessions))[: AT_ONCE if running else 1]


def job_of(connection: sqlite3.Connection, session: SessionRow) -> JobRow | None:
    """The job behind a session; None for one that was started without the queue."""
    if session.job_id is None:
        return None
    try:
        return get_job(connection, session.job_id)
    except JobNotFound:
        return None
