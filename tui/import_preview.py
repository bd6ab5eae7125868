"""What files would be imported as, asked of the command line: the console itself reads no data.

The readers load libraries for arrays, so they run in a process of their own; `stop` ends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class PreviewFailed(Exception):
    """The command said no; the text is what it said."""


@dataclass(frozen=True)
class OpenQuestion:
    """Something that neither a file nor its name says; without a default it must be answered."""

    option: str
    text: str
    default: str
    example: str


@dataclass(frozen=True)
class Preview:
    """What one file is. `kind` is "" for one that no reader knows; `why` says so in words."""

    path: str
    kind: str
    why: str
    symbol: str
    timeframe: str
    questions: tuple[OpenQuestion, ...]
    lines: tuple[str, ...]


class Previewer:
    """Runs one preview at a time; a newer one ends the older."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def preview(self, paths: Sequence[Path], *, seconds: float = 120.0) -> tuple[Preview, ...]:
        """Recognises the files behind the paths; waits for it, so call it in a thread.

        Raises PreviewFailed; a preview that was ended from outside gives nothing.
        """
        command = [
            *(sys.executable, "-P", "-m", "cointrader", "import", "--preview", "--json"),
            *("--workspace", str(self._workspace), "--", *(str(path) for path in paths)),
        ]
        with self._turn:
            if self._is_stopped:
                return ()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            self._process = process
        try:
            said, wrong = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise PreviewFailed(f"still looking after {seconds:.0f} s; the import goes on longer") from None
        if process.returncode < 0:
            return ()
        if process.returncode:
            words = wrong.decode("utf-8", "replace").strip().splitlines()
            raise PreviewFailed(words[-1] if words else f"exit code {process.returncode}")
        return tuple(_preview(each) for each in json.loads(said))

    def interrupt(self) -> None:
        """Ends the process that runs, if one does."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def stop(self) -> None:
        """Ends it for good."""
        with self._turn:
            self._is_stopped = True
        self.interrupt()


def _preview(said: dict[str, Any]) -> Preview:
    return Preview(
        path=said["path"],
        kind=said["kind"],
        why=said["why"],
        symbol=said["symbol"],
        timeframe=said["timeframe"],
        questions=tuple(OpenQuestion(**question) for question in said["questions"]),
        lines=tuple(said["lines"]),
    )


def kinds_in(previews: Sequence[Preview]) -> list[tuple[str, int]]:
    """How many files there are of each kind, the most frequent first; "" are those that nobody knows."""
    return Counter(preview.kind for preview in previews).most_common()


def unanswered(previews: Sequence[Preview]) -> tuple[OpenQuestion, ...]:
    """The questions that must be answered, each once."""
    found: dict[str, OpenQuestion] = {}
    for preview in previews:
        for question in preview.questions:
            if not question.default:
                found.setdefault(question.option, question)
    return tuple(found.values())
