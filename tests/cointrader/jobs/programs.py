"""Programs for the tests of jobs: the real supervisor and the real child, doing work that a test can steer.

`python -m tests.cointrader.jobs.programs supervise WORKSPACE [IDLE]`, which starts `child ID ATTEMPT`.
The kinds of work speak through files in the folder named by the job's arguments.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from cointrader.jobs.child import main as child_main
from cointrader.jobs.supervisor import Supervisor
from cointrader.jobs.work import Work, WorkContext
from cointrader.settings import load_settings
from storage.database import open_database
from storage.workspace import Workspace

CHILD_PROGRAM = ("-m", "tests.cointrader.jobs.programs", "child")


def note(context: WorkContext, word: str) -> Path:
    """Leave `<word>-<job>-<attempt>` holding this process's id, whole or not at all."""
    path = Path(context.arguments["folder"]) / f"{word}-{context.job.id}-{context.job.attempt}"
    partial = path.with_suffix(".partial")
    partial.write_text(str(os.getpid()))
    partial.rename(path)
    return path


def wait_for_go(context: WorkContext) -> dict[str, Any]:
    """Begin, report progress until the file `go` is there, end."""
    note(context, "begun")
    steps = 0
    while not (Path(context.arguments["folder"]) / "go").exists():
        steps += 1
        context.check()
        context.progress(steps, 0, "waiting")
        time.sleep(0.01)
    note(context, "done")
    return {"attempt": context.job.attempt}


def deaf(context: WorkContext) -> dict[str, Any]:
    """Never looks whether it is to stop."""
    note(context, "begun")
    while True:
        time.sleep(1)


def crash(context: WorkContext) -> dict[str, Any]:
    """Ends its process without a word."""
    note(context, "begun")
    os.kill(os.getpid(), 9)
    return {}


def fail(context: WorkContext) -> dict[str, Any]:
    """Raises what no job expects."""
    raise ZeroDivisionError("a fault of the work")


KINDS: dict[str, Work] = {"wait": wait_for_go, "deaf": deaf, "crash": crash, "fail": fail}


def supervise(root: str, idle_exit: str | None = None) -> int:
    """A worker whose children do the work of this file."""
    workspace = Workspace(Path(root))
    connection = open_database(workspace)
    settings = load_settings(workspace.config).worker
    idle = None if idle_exit is None else float(idle_exit)
    Supervisor(workspace, connection, settings, idle_exit=idle, child_program=CHILD_PROGRAM).run()
    connection.close()
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "child":
        sys.exit(child_main(sys.argv[2:], KINDS.__getitem__))
    sys.exit(supervise(*sys.argv[2:]))
