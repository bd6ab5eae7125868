"""The end of a job's log, followed while it grows; a pause keeps the place and counts what came since."""

from __future__ import annotations

import re
from collections import deque
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keys import key
from tui.widgets.log_file import LogFile, LogPart

KEPT_LINES = 2_000
LOOK_SECONDS = 0.25

_TROUBLE = re.compile(r"\b(?:ERROR|CRITICAL|FATAL|Traceback|[A-Z]\w*Error)\b")
_WARNING = re.compile(r"\b(?:WARNING|WARN)\b")


class LogTail(ScrollView, can_focus=True):
    """Shows the last lines of one file; `watch_file` says which."""

    DEFAULT_CSS = """
    LogTail {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("log.pause", "space", "pause", "pause", "Stop or go on following the log", show=True),
        key("log.down", "j", "scroll_down", "down", "A line down"),
        key("log.up", "k", "scroll_up", "up", "A line up"),
        key("log.first", "g", "scroll_home", "first line", "To the first line that is kept"),
        key("log.last", "G", "scroll_end", "last line", "To the last line"),
        key("log.half_down", "ctrl+d", "page_down", "page down", "A page down"),
        key("log.half_up", "ctrl+u", "page_up", "page up", "A page up"),
    ]

    paused: reactive[bool] = reactive(False, layout=False)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._file: LogFile | None = None
        self._waiting: list[str] = []
        self._is_reading = False
        self._empty = "no log yet"
        self._subject = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that are kept, oldest first."""
        return tuple(self._lines)

    @property
    def is_following(self) -> bool:
        """Whether new lines are shown as they come."""
        return self._file is not None and not self.paused

    def on_mount(self) -> None:
        """Looks at the file while this is visible."""
        self._timer = self.set_interval(LOOK_SECONDS, self.look)
        self._say()

    def suspend(self) -> None:
        """The screen is not visible: no look until `resume`."""
        self._timer.pause()

    def resume(self) -> None:
        """The screen is visible again."""
        self._timer.resume()

    def watch_file(self, path: Path | None, subject: str = "", *, empty: str = "no log yet") -> None:
        """Follow another file, from its last lines on; None shows nothing but `empty`."""
        self._empty = empty
        self._subject = subject
        if path == (self._file.path if self._file is not None else None):
            self._say()
            self.refresh()
            return
        self._file = None if path is None else LogFile(path)
        self._waiting.clear()
        self._lines.clear()
        self._measure()
        self._say()
        self.look()

    def look(self) -> None:
        """Read what is new, in a thread; one look at a time."""
        if self._file is None or self._is_reading or not self.is_attached:
            return
        self._is_reading = True
        self.run_worker(partial(self._read, self._file), thread=True, exit_on_error=False, group="log")

    def _read(self, file: LogFile) -> None:
        """In a thread: the next part, or why there is none."""
        try:
            part = file.read()
        except OSError as error:
            part = LogPart((f"{file.path.name}: {error.strerror}",), False, True)
        self.call_later(self._arrived, file, part)

    def _arrived(self, file: LogFile, part: LogPart) -> None:
        self._is_reading = False
        if file is not self._file:
            return
        if part.starts_over:
            self._waiting.clear()
            self._lines.clear()
        if part.lines:
            target = self._waiting if self.paused else self._lines
            target.extend(part.lines)
            del self._waiting[:-KEPT_LINES]
        if part.lines or part.starts_over:
            self._measure()
            self._say()

    def _measure(self) -> None:
        """The scrollable size; the end stays in sight unless the reader has scrolled away from it."""
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        width = max((len(line) for line in self._lines), default=0)
        self.virtual_size = Size(width, len(self._lines))
        if at_end and not self.paused:
            self.scroll_end(animate=False, force=True)
        self.refresh()

    def watch_paused(self) -> None:
        """Going on shows what came meanwhile."""
        if not self.paused and self._waiting:
            self._lines.extend(self._waiting)
            self._waiting.clear()
            self._measure()
        self._say()

    def _say(self) -> None:
        state = "following" if self.is_following else "paused" if self._file else ""
        if self._waiting:
            state += f", {len(self._waiting):,} new"
        words = ", ".join(part for part in (self._subject, state) if part)
        self.border_title = f" log of {words} " if self._subject else " log "

    def action_pause(self) -> None:
        """Stop or go on following."""
        self.paused = not self.paused

    def render_line(self, y: int) -> Strip:
        """One line of the log, or the words for an empty one."""
        width = self.size.width
        number = y + self.scroll_offset.y
        if not self._lines:
            return Strip(
                [Segment(f" {self._empty}" if y == 0 else "", self._style("quiet"))]
            ).adjust_cell_length(width, self._style("foreground"))
        if number >= len(self._lines):
            return Strip.blank(width, self._style("foreground"))
        line = self._lines[number]
        word = "error" if _TROUBLE.search(line) else "warning" if _WARNING.search(line) else "foreground"
        strip = Strip([Segment(line, self._style(word))])
        return strip.crop_extend(
            self.scroll_offset.x, self.scroll_offset.x + width, self._style("foreground")
        )

    def _style(self, word: str) -> Style:
        from textual.color import Color

        colour = self.app.theme_variables.get(word, "#808080")
        behind = self.background_colors[1].rich_color
        return Style(color=Color.parse(colour.split()[0]).rich_color, bgcolor=behind)
