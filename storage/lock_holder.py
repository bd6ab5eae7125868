"""Who holds the database: the name that "database is locked" leaves out."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_PROBE = Path(__file__).with_name("lock_probe.py")
_PROBE_SECONDS = 10.0
_COMMAND_WIDTH = 100


@dataclass(frozen=True)
class LockHolder:
    """The process that holds the write lock.

    `pid` is 0 where it cannot be known: not on Linux, in another container, or gone since.
    """

    pid: int
    command: str

    def __str__(self) -> str:
        if self.pid == 0:
            return "another process"
        if self.pid == os.getpid():
            return f"another connection of this process (pid {self.pid})"
        return f"process {self.pid} ({self.command})" if self.command else f"process {self.pid}"


UNKNOWN_HOLDER = LockHolder(0, "")


def find_lock_holder(database: Path) -> LockHolder:
    """The process that holds the write lock of a database now.

    Linux is asked with F_GETLK, in a helper process (`lock_probe.py` says why); elsewhere, and where
    the helper finds nobody, the answer is UNKNOWN_HOLDER.
    """
    if not sys.platform.startswith("linux"):
        return UNKNOWN_HOLDER
    import subprocess  # asked for when something is wrong, never on the way to the first paint

    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-S", str(_PROBE), str(database)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        # The question is asked to explain another error; that one must not be lost over it.
        return UNKNOWN_HOLDER
    text = answer.stdout.decode("ascii").strip()
    return LockHolder(int(text), _command_of(int(text))) if text else UNKNOWN_HOLDER


def _command_of(pid: int) -> str:
    """The command line of a process, shortened; empty when it is gone or not ours to see."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    program, arguments = os.path.basename(words[0]), words[1:]
    line = " ".join([program, *arguments]).strip()
    line = "".join(character if character.isprintable() else " " for character in line)
    return line if len(line) <= _COMMAND_WIDTH else line[: _COMMAND_WIDTH - 1] + "…"
