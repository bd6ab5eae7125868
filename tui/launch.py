"""Asking for work: a row in the queue, and a worker that takes it. The console itself trains nothing.

The worker is started through the command line in a process of its own, so that it outlives the console.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sqlite3

    from cointrader.training.replaying.request import ReplayRequest
    from storage.workspace import Workspace
    from tui.health import Health
    from tui.screens.base import ConsoleScreen


SUCCESSOR_SECONDS = 60.0
"""A worker that dies again so soon after another took its place is not replaced once more."""


class WorkerNotReached(Exception):
    """No worker could be started; the text is what the command said."""


def queue_training(
    connection: sqlite3.Connection, agent: str, params: Mapping[str, str], *, seed: int
) -> int:
    """Queue the training of an agent with parameters that the form has checked; returns the job's id."""
    from models import registry
    from storage.jobs import enqueue

    return enqueue(
        connection,
        kind="train",
        title=f"Train {agent}",
        arguments={"agent": agent, "params": dict(params), "seed": seed},
        slot=registry.get(agent).slot,
    )


def queue_replay(connection: sqlite3.Connection, request: ReplayRequest) -> int:
    """Queue a replay exactly as the form says; returns the job's id."""
    from models import registry
    from storage.jobs import enqueue

    return enqueue(
        connection,
        kind="replay",
        title=request.title,
        arguments=request.arguments,
        slot=registry.get(request.agent).slot if request.agent else "cpu",
    )


def start_replay(screen: ConsoleScreen, request: ReplayRequest) -> None:
    """Queue a replay from a screen, see to it that a worker is there, and say which job it is."""
    workspace = screen.console.workspace

    def ask(connection: sqlite3.Connection) -> int:
        job_id = queue_replay(connection, request)
        ensure_worker(workspace)
        return job_id

    def told(job_id: int) -> None:
        screen.notify(f"Queued as job {job_id}. 6 shows its curves.", title=request.title, markup=False)

    screen.change_database(ask, told, doing=f"starting: {request.title}")


def queue_bootstrap(connection: sqlite3.Connection) -> int:
    """Queue the filling of an empty workspace from the bundled candles; returns the job's id."""
    from storage.jobs import enqueue

    return enqueue(
        connection, kind="bootstrap", title="Fill the workspace from the sample", arguments={"params": {}}
    )


def queue_import(
    connection: sqlite3.Connection,
    paths: Sequence[str],
    *,
    symbol: str = "",
    timeframe: str = "",
    zone: str = "",
) -> int:
    """Queue the import of files, folders and archives; an empty text leaves it to what they say themselves.

    The paths are absolute: the worker runs in another folder. Returns the job's id.
    """
    from storage.jobs import enqueue

    said = {"symbol": symbol, "timeframe": timeframe, "zone": zone}
    what = PurePath(paths[0]).name if len(paths) == 1 else f"{len(paths)} files"
    arguments = {"paths": list(paths), **{name: text for name, text in said.items() if text}}
    return enqueue(connection, kind="import", title=f"Import {what}", arguments=arguments)


def ensure_worker(workspace: Workspace, *, seconds: float = 60.0) -> None:
    """Start a worker unless one is alive. Waits for the command: call it in a thread.

    Raises WorkerNotReached.
    """
    command = [
        *(sys.executable, "-P", "-m", "cointrader", "worker", "--ensure"),
        *("--workspace", str(workspace.root)),
    ]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, start_new_session=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkerNotReached(f"the worker was not started: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise WorkerNotReached(f"the worker was not started: {said or f'exit code {done.returncode}'}")


class Succession:
    """When a worker that was killed is followed by another, so that what it left is taken up.

    A worker that was told to stop has no successor, and neither has one that leaves no job behind.
    """

    def __init__(self) -> None:
        self._last: float | None = None

    def decide(self, health: Health, now: float) -> Literal["nothing", "replace", "give up"]:
        """What to do about the workers; `now` in seconds of a clock that only goes on."""
        if health.worker != "dead" or not health.running + health.waiting:
            return "nothing"
        if self._last is not None and now - self._last < SUCCESSOR_SECONDS:
            return "give up"
        self._last = now
        return "replace"
