"""`cointrader jobs`: the queue and its history; cancel one, retry one, print the log of one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict

from cointrader.cli.output import print_json, print_table, time_text
from cointrader.cli.place import Place, opened
from storage import jobs as queue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action", nargs="?", choices=("list", "cancel", "retry", "logs"), default="list", help="default: list"
    )
    parser.add_argument("job", nargs="?", type=int, metavar="ID", help="which job, for all but list")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="newest jobs to list (default 50)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    if arguments.action != "list" and arguments.job is None:
        arguments.usage_error(f"`jobs {arguments.action}` needs the ID of a job")
    with opened(arguments.workspace) as place:
        if arguments.action == "list":
            return _list(place, arguments.limit, arguments.json)
        if arguments.action == "logs":
            return _logs(place, arguments.job)
        return _change(place, arguments.action, arguments.job, arguments.json)


def _list(place: Place, limit: int, as_json: bool) -> int:
    jobs = queue.list_jobs(place.connection, limit=limit)
    if as_json:
        print_json([asdict(job) for job in jobs])
        return 0
    workers = {worker.id: worker.condition for worker in queue.list_workers(place.connection)}
    header = ("id", "state", "attempt", "done", "created", "title", "message")
    rows = [
        (
            str(job.id),
            _state(job, workers),
            str(job.attempt),
            "" if job.fraction is None else f"{job.fraction:.0%}",
            time_text(job.created_ms),
            job.title,
            job.error or job.message,
        )
        for job in jobs
    ]
    if rows:
        print_table(header, rows, right=(True, False, True, True))
    else:
        print("no jobs yet")
    return 0


def _state(job: queue.JobRow, workers: Mapping[int, str]) -> str:
    """The state in words; a running job whose worker does not answer is not called just running."""
    if job.state != queue.RUNNING:
        return job.state
    condition = workers.get(job.worker_id or 0, "dead")
    if condition == "silent":
        return "running? (worker silent)"
    if condition != "alive":
        return "left (worker dead)"
    return "running (cancelling)" if job.cancel_requested else "running"


def _change(place: Place, action: str, job_id: int, as_json: bool) -> int:
    if action == "cancel":
        state = queue.request_cancel(place.connection, job_id)
        text = {
            queue.RUNNING: "asked to stop; it leaves a checkpoint at its next step",
            queue.CANCELLED: "cancelled",
        }.get(state, f"has ended: {state}")
    else:
        queue.retry(place.connection, job_id)
        from cointrader.jobs.ensure import ensure_worker

        ensure_worker(place.workspace, place.connection)
        text = "queued again"
    if as_json:
        print_json({"job": job_id, "state": queue.get_job(place.connection, job_id).state})
    else:
        print(f"job {job_id}: {text}")
    return 0


def _logs(place: Place, job_id: int) -> int:
    job = queue.get_job(place.connection, job_id)
    path = place.workspace.root / job.log_path
    if not job.log_path or not path.exists():
        print(f"job {job_id} ({job.state}) has no log yet", file=sys.stderr)
        return 0
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in log:
            sys.stdout.write(line)
    return 0
