"""The process of one job: guards first, then the work, then one final write.

`cointrader job-child ID ATTEMPT --workspace DIR --control FD` is started by the supervisor only. Its exit
status says how it went for whoever reads the log; what counts is the row it wrote.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from cointrader.jobs.journal import say
from cointrader.jobs.process_guard import ControlPipe, die_with_parent
from cointrader.jobs.work import JobCancelled, JobInterrupted, Work, WorkContext, work_of
from cointrader.settings import load_settings
from storage import jobs as queue
from storage.database import open_database
from storage.errors import StaleAttempt
from storage.workspace import Workspace

DONE, FAILED, CANCELLED, INTERRUPTED, STALE = 0, 1, 3, 75, 4


def main(arguments: Sequence[str], find_work: Callable[[str], Work] = work_of) -> int:
    """Run one attempt of one job; `find_work` gives the work of a kind. Returns the exit status."""
    die_with_parent()
    parser = argparse.ArgumentParser(prog="cointrader job-child")
    parser.add_argument("job", type=int)
    parser.add_argument("attempt", type=int)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--control", type=int, required=True)
    given = parser.parse_args(arguments)
    control = ControlPipe(given.control)
    control.watch()
    # The supervisor decides when a job stops; a Ctrl-C in its terminal is its business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Who ends a service or a login ends every process of it at once: that is no crash of the job.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: control.ask())
    workspace = Workspace(Path(given.workspace))
    connection = open_database(workspace)
    try:
        job = queue.get_job(connection, given.job)
        if job.attempt != given.attempt or job.state != queue.RUNNING:
            say(f"job {job.id} is not running attempt {given.attempt}: nothing to do")
            return STALE
        say(f"attempt {job.attempt}: {job.title}")
        return run_job(workspace, connection, job, control, find_work)
    except StaleAttempt:
        say("another attempt has taken over; this one leaves without a word")
        return STALE
    finally:
        connection.close()


def run_job(
    workspace: Workspace,
    connection: sqlite3.Connection,
    job: queue.JobRow,
    control: ControlPipe,
    find_work: Callable[[str], Work],
) -> int:
    """From a claimed row to succeeded, failed, cancelled or handed back. Raises StaleAttempt."""
    try:
        context = WorkContext(workspace, connection, load_settings(workspace.config), job, control)
        result = find_work(job.kind)(context)
        if not context.succeeded:
            context.succeed(result)
        say("succeeded")
        return DONE
    except StaleAttempt:
        raise
    except JobCancelled:
        queue.finish(connection, job.id, job.attempt, queue.CANCELLED)
        say("cancelled")
        return CANCELLED
    except JobInterrupted:
        queue.interrupt(connection, job.id, job.attempt)
        say("interrupted; it goes on with the next worker")
        return INTERRUPTED
    except Exception as error:
        # The edge of the process: whatever went wrong must reach the operator's row and the log.
        traceback.print_exc()
        queue.finish(connection, job.id, job.attempt, queue.FAILED, error=in_words(error))
        return FAILED


def in_words(error: BaseException) -> str:
    """What the operator reads: the text of our own errors, and the type as well of any other."""
    ours = type(error).__module__.partition(".")[0] in {"cointrader", "models", "storage"}
    return str(error) if ours and str(error) else f"{type(error).__name__}: {error}"
