"""Reading the end of a log that somebody else writes: by offset, in bounded memory.

Text of a log is data. Control characters and escape sequences are taken out, since they could move the
cursor or change the colours of the console; a line that was overwritten by carriage returns, as progress
bars do, is what was written last.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

KEPT_BYTES = 128 * 1024
LONGEST_LINE = 2_000

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class LogPart:
    """What a look at the file brought. `starts_over` says that earlier lines are no longer the file's."""

    lines: tuple[str, ...]
    starts_over: bool
    exists: bool


class LogFile:
    """A place in a file, moved on by every `read`. Not for two threads at once."""

    def __init__(self, path: Path, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.path = path
        self._kept_bytes = kept_bytes
        self._offset = 0
        self._inode = 0
        self._pending = b""
        self._began = False

    def read(self) -> LogPart:
        """The complete lines since the last look, at most the last `kept_bytes` of them.

        A file that became shorter or is another file than before starts over. One that does not exist
        yields nothing. Raises OSError for a file that is there and cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                starts_over = self._starts_over(status.st_ino, status.st_size)
                skipped = max(0, status.st_size - self._offset - self._kept_bytes)
                if skipped:
                    self._offset += skipped
                    self._pending = b""
                file.seek(self._offset)
                data = file.read(min(status.st_size - self._offset, self._kept_bytes))
        except FileNotFoundError:
            return LogPart((), False, False)
        self._offset += len(data)
        if skipped:
            data = data.partition(b"\n")[2]
        return LogPart(self._lines(data), starts_over, True)

    def _starts_over(self, inode: int, size: int) -> bool:
        another = self._began and (inode != self._inode or size < self._offset)
        if another:
            self._offset = 0
            self._pending = b""
        self._inode = inode
        self._began = True
        return another

    def _lines(self, data: bytes) -> tuple[str, ...]:
        whole, newline, rest = (self._pending + data).rpartition(b"\n")
        self._pending = rest[-LONGEST_LINE:]
        if not newline:
            return ()
        return tuple(clean(line) for line in whole.decode("utf-8", "replace").split("\n"))


def clean(line: str) -> str:
    """A line as it may be shown: printable, of bounded length, tabs as spaces."""
    line = _ESCAPES.sub("", line.rstrip("\r"))
    line = line.rpartition("\r")[2].expandtabs(4)
    line = _CONTROLS.sub("", line)
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
