"""Asking the command line about one step: a process of its own, because the console computes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.workspace import Workspace

SECONDS = 900.0
"""After so long a process is ended; the longest way to a step is the distance between two snapshots."""


@dataclass(frozen=True)
class StepAnswer:
    """What was said of a step: what the command printed as JSON, or why it could not say anything."""

    verb: str
    session_id: int
    step: int
    said: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


class StepQuestion:
    """`rebuild` or `verify` of one step; `ask` waits, `stop` ends it from another thread."""

    def __init__(self, workspace: Workspace, verb: str, session_id: int, step: int) -> None:
        self.verb, self.session_id, self.step = verb, session_id, step
        self._command = [
            *(sys.executable, "-P", "-m", "cointrader", "step", verb, str(session_id), str(step)),
            *("--json", "--workspace", str(workspace.root)),
        ]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def ask(self) -> StepAnswer:
        """The answer; call it in a thread."""
        try:
            with self._lock:
                if self._stopped.is_set():
                    return self._failed("it was stopped")
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            printed, complaints = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
            return self._failed(f"no answer within {SECONDS:.0f} seconds")
        except OSError as error:
            return self._failed(f"the command was not started: {error}")
        if self._stopped.is_set():
            return self._failed("it was stopped")
        return self._read(printed.decode("utf-8", "replace"), complaints.decode("utf-8", "replace"))

    def stop(self) -> None:
        """Ends the process; nobody waits for its answer any more."""
        with self._lock:
            self._stopped.set()
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def _read(self, printed: str, complaints: str) -> StepAnswer:
        try:
            said = json.loads(printed)
        except ValueError:
            said = None
        if isinstance(said, dict):
            return StepAnswer(self.verb, self.session_id, self.step, said)
        code = self._process.returncode if self._process is not None else None
        return self._failed((complaints or printed).strip() or f"exit code {code}")

    def _failed(self, why: str) -> StepAnswer:
        return StepAnswer(self.verb, self.session_id, self.step, failure=why)
