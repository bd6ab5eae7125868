"""Progress of long work with the time that is left, on standard error.

A terminal gets one line that is drawn over; anything else gets a plain line now and then, so that a
log file stays readable. `--json` and pipes are not disturbed: standard output is never touched.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from types import TracebackType
from typing import Self, TextIO

BAR_WIDTH = 24
NARROW_BAR_WIDTH = 10
NARROW_COLUMNS = 100
"""A terminal of fewer columns gets the narrow bar, so that what is left of the line still says something."""

MOST_COLUMNS = 119
TERMINAL_SECONDS = 0.1
PLAIN_SECONDS = 5.0


def duration(seconds: float) -> str:
    """`75` as `1:15`, `4000` as `1:06:40`."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


class ProgressLine:
    """One piece of work; call `update` as often as you like, it draws only now and then."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._drawn_at = self._start - (0.0 if self._terminal else PLAIN_SECONDS - 1.0)
        self._drawn_width = 0
        self._first: tuple[float, float] | None = None  # (time, done) when the work itself was first seen
        self._seen = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def update(self, done: float, total: float, message: str = "") -> None:
        """Draw `done` of `total` (0 when the total is unknown) if it is time to."""
        now = time.monotonic()
        if done > 0 and (self._first is None or done < self._seen):
            self._first = (now, done)  # also where the second of two trainings begins again at nothing
        self._seen = done
        if now - self._drawn_at < (TERMINAL_SECONDS if self._terminal else PLAIN_SECONDS):
            return
        self._drawn_at = now
        text = self.line(done, total, message, now)
        if self._terminal:
            # A line that reaches the last column goes on below, where a carriage return cannot take it back.
            text = text[: self._columns() - 1]
            self._stream.write("\r" + text.ljust(self._drawn_width))
            self._drawn_width = len(text)
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def line(self, done: float, total: float, message: str, now: float) -> str:
        """The text: title, part done, time left, message."""
        parts = [self._title]
        if total > 0:
            part = min(1.0, max(0.0, done / total))
            if self._terminal:
                width = BAR_WIDTH if self._columns() >= NARROW_COLUMNS else NARROW_BAR_WIDTH
                filled = round(part * width)
                parts.append("[" + "#" * filled + "-" * (width - filled) + "]")
            parts.append(f"{part:4.0%}")
            left = self.seconds_left(done, total, now)
            if left is not None:
                parts.append("ETA " + duration(left))
        parts.append(message or duration(now - self._start))
        return "  ".join(parts)

    def _columns(self) -> int:
        """How wide the terminal is now, as far as the line uses it."""
        try:
            found = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            found = 0  # what only looks like a terminal has no size
        return min(found or shutil.get_terminal_size((MOST_COLUMNS, 1)).columns, MOST_COLUMNS)

    def seconds_left(self, done: float, total: float, now: float) -> float | None:
        """At the pace since the work was first seen to move, so that a slow start does not count."""
        if self._first is None or done <= self._first[1] or done >= total or now <= self._first[0]:
            return None
        return (total - done) * (now - self._first[0]) / (done - self._first[1])

    def clear(self) -> None:
        """Leave an empty line behind on a terminal, so that what follows starts clean."""
        if self._terminal and self._drawn_width:
            self._stream.write("\r" + " " * self._drawn_width + "\r")
            self._stream.flush()
            self._drawn_width = 0
