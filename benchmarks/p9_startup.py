"""P9: from the start of the process to the first paint, in a pseudo-terminal of 120x40.

The limit is a bare Textual program with a header, a table of a hundred rows and a footer. Both are
started turn and turn about; "first paint" is when 1.5 KB of text have been drawn.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time

from benchmarks.harness import Row

BARE = """
from textual.app import App
from textual.widgets import DataTable, Footer, Header
class Bare(App):
    def compose(self):
        yield Header(); yield DataTable(); yield Footer()
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns(*"abcdef")
        table.add_rows([tuple(f"{row} {column} some text" for column in "abcdef") for row in range(100)])
Bare().run()
"""
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def first_paint(command: list[str], environment: dict[str, str], limit_s: float = 30.0) -> float:
    """Seconds from fork to 1.5 KB of drawn text; raises TimeoutError when the program stays dark."""
    start = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(
            environment, TERM="xterm-256color", COLORTERM="truecolor", COLUMNS="120", LINES="40"
        )
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    drawn = b""
    try:
        while time.perf_counter() - start < limit_s:
            if not select.select([terminal], [], [], 0.01)[0]:
                continue
            drawn += os.read(terminal, 65536)
            if len(ESCAPES.sub(b"", drawn)) > 1500:
                return time.perf_counter() - start
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)
    raise TimeoutError(f"{command[0]} drew nothing in {limit_s} s")


def rows(rounds: int = 7) -> list[Row]:
    """The console over an existing, empty workspace against the bare program."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"COINTRADER_WORKSPACE": folder}
        config = os.path.join(folder, "config.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[console]\noffer_seconds = 600\n")
        ours = [sys.executable, "-P", "-m", "cointrader"]
        bare = [sys.executable, "-P", "-c", BARE]
        for command in (ours, bare):
            first_paint(command, environment)
        seconds: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(rounds):
            seconds["bare"].append(first_paint(bare, environment))
            seconds["ours"].append(first_paint(ours, environment))
    ratio = statistics.median(a / b for a, b in zip(seconds["ours"], seconds["bare"], strict=True))
    mine, floor = statistics.median(seconds["ours"]), statistics.median(seconds["bare"])
    return [
        Row("P9", "process start to first paint, 120x40", mine, floor, "bare Textual", floor, ratio, 1.15)
    ]
