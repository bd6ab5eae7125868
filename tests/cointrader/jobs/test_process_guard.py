"""Each guard alone keeps a child from outliving its supervisor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cointrader.jobs.process_guard import ORPHANED, ask_to_stop, control_pipe

Eventually = Callable[[Callable[[], Any]], Any]

LISTENER = """
import sys, time
from cointrader.jobs.process_guard import ControlPipe
pipe = ControlPipe(int(sys.argv[1]))
pipe.watch()
print("ready", flush=True)
while not pipe.stop_requested:
    time.sleep(0.01)
print("asked to stop", flush=True)
time.sleep(600)
"""

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-P", "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""

CHILD = """
import time
from cointrader.jobs.process_guard import die_with_parent
die_with_parent()
print("ready", flush=True)
time.sleep(600)
"""


def running(pid: int) -> bool:
    """Whether a process still runs; one that nobody has waited for is over."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def test_the_end_of_the_pipe_is_the_end_of_the_child() -> None:
    reading, writing = control_pipe()
    command = [sys.executable, "-P", "-c", LISTENER, str(reading)]
    child = subprocess.Popen(command, pass_fds=(reading,), stdout=subprocess.PIPE, text=True)
    os.close(reading)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    ask_to_stop(writing)
    assert child.stdout.readline() == "asked to stop\n"
    os.close(writing)
    assert child.wait(timeout=60) == ORPHANED
    child.stdout.close()


def test_asking_a_child_that_is_gone_is_no_error() -> None:
    reading, writing = control_pipe()
    os.close(reading)
    ask_to_stop(writing)
    os.close(writing)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
def test_the_kernel_kills_the_child_of_a_killed_parent(eventually: Eventually) -> None:
    command = [sys.executable, "-P", "-c", PARENT, CHILD]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert running(child)
    parent.kill()
    parent.communicate()
    eventually(lambda: not running(child))
