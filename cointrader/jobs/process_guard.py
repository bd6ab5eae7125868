"""A child that cannot outlive its supervisor, and a supervisor that can speak to its child.

Two guards, because each has a hole. Linux kills a child when the thread that started it ends
(PR_SET_PDEATHSIG), but only from the moment the child has asked for it. The pipe has no such moment:
the supervisor holds the writing end, and however it dies the child reads an end of file. The same
pipe carries the one word a supervisor says to its child, `stop`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1
STOP = b"stop\n"
ORPHANED = 70  # exit status of a child whose supervisor went away


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; does nothing where Linux is not."""
    if not sys.platform.startswith("linux"):
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl(PR_SET_PDEATHSIG): {os.strerror(code)}")


class ControlPipe:
    """The child's end: `stop_requested` after the word `stop`; an end of file ends this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stop = threading.Event()

    @property
    def stop_requested(self) -> bool:
        """True once the supervisor has asked this job to leave a checkpoint and stop."""
        return self._stop.is_set()

    def ask(self) -> None:
        """As if the supervisor had said `stop`."""
        self._stop.set()

    def watch(self) -> None:
        """Start the thread that reads the pipe; compiled kernels release the GIL, so it is never starved."""
        threading.Thread(target=self._read, name="control-pipe", daemon=True).start()

    def read_once(self) -> None:
        """Wait for the supervisor's next word; its end ends this process."""
        if not os.read(self._descriptor, 64):
            os._exit(ORPHANED)
        self._stop.set()

    def _read(self) -> None:
        while True:
            self.read_once()


def control_pipe() -> tuple[int, int]:
    """(reading end for the child, writing end for the supervisor); neither is inherited unless passed on."""
    return os.pipe()


def ask_to_stop(writing_end: int) -> None:
    """Say `stop` to the child; a child that is already gone is no error."""
    try:
        os.write(writing_end, STOP)
    except BrokenPipeError:
        return
