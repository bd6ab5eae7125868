"""Waiting for jobs: progress with the time left while they run, one text for each that failed."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from cointrader.cli.place import Place
from cointrader.cli.progress import ProgressLine
from cointrader.jobs.ensure import ensure_worker, living_workers
from storage import jobs as queue

LOOK_SECONDS = 0.2
WORKER_LOOK_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """A job and the jobs that it queued, all ended."""

    jobs: tuple[queue.JobRow, ...]

    @property
    def succeeded(self) -> bool:
        """True when every one of them did what it was to do."""
        return all(job.state == queue.SUCCEEDED for job in self.jobs)

    @property
    def troubles(self) -> list[str]:
        """One line for each job that did not succeed."""
        return [
            f"job {job.id} ({job.title}) {job.state}: {job.error or 'no reason given'}"
            for job in self.jobs
            if job.state != queue.SUCCEEDED
        ]


def follow(place: Place, job_id: int, *, idle_exit: float) -> Outcome:
    """Wait until a job and its children have ended; a worker is started when none is alive.

    Ctrl-C only stops the waiting: the worker goes on in the background.
    """
    try:
        return _wait(place, job_id, idle_exit)
    except KeyboardInterrupt:
        print(f"\njob {job_id} goes on in the background; `cointrader jobs` shows it", file=sys.stderr)
        raise


def _wait(place: Place, job_id: int, idle_exit: float) -> Outcome:
    pid = ensure_worker(place.workspace, place.connection, idle_exit=idle_exit)
    looked_at = time.monotonic()
    lines: dict[int, ProgressLine] = {}
    told: set[int] = set()
    while True:
        family = family_of(place, job_id)
        _show(family, lines, told)
        if all(job.state in queue.ENDED for job in family):
            return Outcome(tuple(family))
        if time.monotonic() - looked_at > WORKER_LOOK_SECONDS:
            looked_at = time.monotonic()
            if not living_workers(place.connection):
                pid = ensure_worker(place.workspace, place.connection, idle_exit=idle_exit)
                print(f"the worker had ended; a new one goes on: process {pid}", file=sys.stderr)
        time.sleep(LOOK_SECONDS)


def family_of(place: Place, job_id: int) -> list[queue.JobRow]:
    """A job and those that it queued, oldest first."""
    return [queue.get_job(place.connection, job_id), *queue.children(place.connection, job_id)]


def _show(family: list[queue.JobRow], lines: dict[int, ProgressLine], told: set[int]) -> None:
    """Draw the progress of the first running job, and tell once how each job ended."""
    for job in family:
        if job.state in queue.ENDED and job.id not in told:
            told.add(job.id)
            for line in lines.values():
                line.clear()
            print(f"{job.title}: {job.state}{': ' + job.error if job.error else ''}", file=sys.stderr)
    running = [job for job in family if job.state == queue.RUNNING]
    if running:
        job = running[0]
        line = lines.setdefault(job.id, ProgressLine(job.title))
        others = f" (+{len(running) - 1} more)" if len(running) > 1 else ""
        line.update(job.progress_done, job.progress_total, (job.message or "starting") + others)
