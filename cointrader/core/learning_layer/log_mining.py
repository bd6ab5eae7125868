"""What text logs say: which actions were taken how often, and what went wrong.

Three kinds of lines are understood: those of the core (`2026-01-31T12:00:00.000Z WARNING validate_signal s1
text`), those of the bot (`2025-08-01 12:00:00,123:INFO - text`), and those of jobs and workers, of which the
tracebacks are taken. Any other line is counted and left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cointrader.interop.cointrader2.log_line import LogClock, read_line
from cointrader.interop.cointrader2.logs import event_of

MOST_ERRORS = 100
LONGEST = 300
TRACEBACK = "Traceback (most recent call last):"

_CORE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (INFO|WARNING|ERROR) +(\S+) (\S+) ?(.*)", re.DOTALL
)
_RAISED = re.compile(r"(?:[A-Za-z_][\w.]*)(?:Error|Exception|Refused|Stopped|Exit|Interrupt|Missing)\b.*")


@dataclass(frozen=True)
class LogError:
    """One thing that went wrong: where it stands, and what was said."""

    file: str
    line: int
    action: str
    text: str


@dataclass
class MinedLogs:
    """Lines of some files: how many, actions by name, and errors, the latest `MOST_ERRORS` in full."""

    files: int = 0
    lines: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    error_count: int = 0
    errors: list[LogError] = field(default_factory=list)

    def add_error(self, error: LogError) -> None:
        """Counts it, and keeps it while it is among the latest."""
        self.error_count += 1
        self.errors = [*self.errors, error][-MOST_ERRORS:]

    def as_dict(self) -> dict[str, Any]:
        """{files, lines, actions, error_count, errors} in plain values, the most frequent action first."""
        return {
            "files": self.files,
            "lines": self.lines,
            "actions": dict(self.actions.most_common()),
            "error_count": self.error_count,
            "errors": [vars(error) for error in self.errors],
        }


def mine_logs(folder: Path) -> MinedLogs:
    """What the `*.log` files of a folder say, older parts (`.log.1`) before newer ones."""
    mined = MinedLogs()
    clock = LogClock()
    found = [*folder.glob("*.log"), *folder.glob("*.log.[0-9]")]
    for path in sorted(found, key=lambda path: (path.name.partition(".log")[0], -len(path.name), path.name)):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                mine_lines(file, path.name, mined, clock)
        except FileNotFoundError:
            continue  # it was turned over between the look and the read; its lines stand in the older part
        mined.files += 1
    return mined


def mine_lines(lines: Iterable[str], file: str, mined: MinedLogs, clock: LogClock) -> None:
    """Adds what the lines of one file say."""
    in_traceback = False
    for number, text in _numbered(lines):
        mined.lines += 1
        if TRACEBACK in text:
            in_traceback = True
        elif in_traceback and _RAISED.match(text):
            in_traceback = False
            mined.add_error(LogError(file, number, "traceback", text[:LONGEST]))
        elif not in_traceback or text[:1].isdigit():
            in_traceback = False
            _mine_line(number, text, file, mined, clock)


def _mine_line(number: int, text: str, file: str, mined: MinedLogs, clock: LogClock) -> None:
    core = _CORE.fullmatch(text)
    if core is not None:
        _, severity, action, _, told = core.groups()
        mined.actions[action] += 1
        if severity == "ERROR":
            mined.add_error(LogError(file, number, action, told[:LONGEST]))
        return
    line = read_line(text, clock)
    event = event_of(number, line) if line is not None else None
    if event is None:
        return
    mined.actions[event.kind] += 1
    if event.severity == "error":
        mined.add_error(LogError(file, number, event.kind, event.text[:LONGEST]))


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, text in enumerate(lines, start=1):
        yield number, text.rstrip("\r\n")
