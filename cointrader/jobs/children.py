"""How a child process is started: a fresh interpreter, in the workspace, in a session of its own.

Never a fork of the supervisor: a fork after torch or Numba has started threads is undefined. `-P` keeps
a folder named like one of our packages in the workspace from shadowing it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cointrader.jobs.process_guard import ask_to_stop, control_pipe
from cointrader.settings import WorkerSettings
from storage.jobs import JobRow
from storage.workspace import Workspace

CHILD_PROGRAM = ("-m", "cointrader", "job-child")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Child:
    """A running job: its row as it was claimed, its process, and the pipe to speak to it."""

    job: JobRow
    process: subprocess.Popen[bytes]
    control: int  # writing end; closing it ends the child
    pidfd: int  # readable when the process has ended
    log_path: Path
    asked_to_stop: bool = False
    to_end_since: float | None = None  # monotonic time since when its process should be ending

    def ask_to_stop(self) -> None:
        """Say `stop` once; the child leaves a checkpoint and hands its job back."""
        if not self.asked_to_stop:
            self.asked_to_stop = True
            ask_to_stop(self.control)

    def close(self) -> None:
        """Let go of the descriptors of a process that has ended."""
        os.close(self.control)
        os.close(self.pidfd)


def job_log(workspace: Workspace, job_id: int) -> Path:
    """Where everything that a job prints is kept, all attempts in one file."""
    return workspace.logs / f"job-{job_id}.log"


def start_child(
    workspace: Workspace, settings: WorkerSettings, job: JobRow, program: Sequence[str] = CHILD_PROGRAM
) -> Child:
    """Start the process of a claimed job; its output is appended to the job's log."""
    reading, writing = control_pipe()
    command = [
        *(sys.executable, "-P", *program, str(job.id), str(job.attempt)),
        *("--workspace", str(workspace.root), "--control", str(reading)),
    ]
    try:
        log_path = job_log(workspace, job.id)
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=workspace.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(reading,),
                env=child_environment(settings),
            )
    except OSError:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    return Child(job, process, writing, os.pidfd_open(process.pid), log_path)


def child_environment(settings: WorkerSettings) -> dict[str, str]:
    """The supervisor's environment with the thread count of a job pinned: it is part of what makes
    a training repeatable, and it keeps jobs side by side from fighting over the cores."""
    pinned = dict.fromkeys(THREAD_VARIABLES, str(settings.threads_per_job))
    return {**os.environ, **pinned, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
