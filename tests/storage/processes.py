"""Processes that storage tests start: each says a word on its standard output when it has got somewhere."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"


@contextmanager
def program(name: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A program of `tests/storage/programs` in a fresh interpreter; it is dead when the block ends."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def says(process: subprocess.Popen[str]) -> str:
    """The next line that a program prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the program ended without a word"
    return line.strip()


def tell(process: subprocess.Popen[str], word: str) -> None:
    """Sends a program one line."""
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9, and waits until the kernel has taken it away."""
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
