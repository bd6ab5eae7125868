"""The supervisor's side of the watcher: started with it, started again when it dies, ended with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from cointrader.jobs.journal import say
from cointrader.jobs.process_guard import ask_to_stop, control_pipe
from storage.workspace import Workspace

RESTART_SECONDS = 30.0
STOP_SECONDS = 5.0


class Watching:
    """The watcher of a workspace as a process. Nothing happens before `keep_alive`.

    It is started by the thread that calls `keep_alive`, and killed by the kernel when that thread ends.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._process: subprocess.Popen[bytes] | None = None
        self._control = -1
        self._started_at = -RESTART_SECONDS

    def keep_alive(self) -> None:
        """Starts the watcher when there is none, not more often than twice a minute."""
        if self._process is not None and self._process.poll() is None:
            return
        now = time.monotonic()
        if now - self._started_at < RESTART_SECONDS:
            return
        if self._process is not None:
            say(f"the watcher has ended with status {self._process.returncode}; it is started again")
            self._close()
        self._started_at = now
        self._start()

    def stop(self) -> None:
        """Asks it to end, waits a little, and ends it."""
        if self._process is None:
            return
        ask_to_stop(self._control)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _start(self) -> None:
        reading, writing = control_pipe()
        command = [
            *(sys.executable, "-P", "-m", "cointrader", "job-watch"),
            *("--workspace", str(self._workspace.root), "--control", str(reading)),
        ]
        try:
            with (self._workspace.logs / "watch.log").open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    cwd=self._workspace.root,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(reading,),
                )
            self._control = writing
        except OSError as error:
            os.close(writing)
            say(f"the watcher cannot be started: {error}")
        finally:
            os.close(reading)

    def _close(self) -> None:
        os.close(self._control)
        self._process = None
