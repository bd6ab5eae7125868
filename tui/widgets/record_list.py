"""A short list with a cursor: a few dozen records at most, each a line of text that is already written.

Larger sets belong into the paged table. The cursor keeps to its record when records come and go.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.keys import key


@dataclass(frozen=True)
class Record:
    """One line, and what it stands for."""

    key: Hashable
    text: Content


class RecordList(Widget, can_focus=True):
    """Lines with a cursor; `enter` or a click on the cursor's line chooses."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    RecordList {
        height: 1fr;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("list.up", "up,k", "move(-1)", "up", "To the line above"),
        key("list.down", "down,j", "move(1)", "down", "To the line below"),
        key("list.first", "home,g", "end(0)", "first", "To the first line"),
        key("list.last", "end,G", "end(1)", "last", "To the last line"),
        key("list.choose", "enter", "choose", "open", "Open what the cursor is on", show=True),
    ]

    cursor: reactive[int] = reactive(0, layout=False)

    class Moved(Message):
        """The cursor is on another record."""

        def __init__(self, records: RecordList, key: Hashable) -> None:
            super().__init__()
            self.records = records
            self.key = key

        @property
        def control(self) -> RecordList:
            """The list."""
            return self.records

    class Chosen(Moved):
        """The record under the cursor was chosen."""

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.add_class("panel")
        if title:
            self.border_title = f" {title} "
        self._head = Content("")
        self._records: tuple[Record, ...] = ()
        self._empty = Content("")
        self._top = 0

    @property
    def current(self) -> Hashable | None:
        """The key under the cursor."""
        return self._records[self.cursor].key if self._records else None

    @property
    def text(self) -> str:
        """All lines without their colours."""
        return "\n".join(record.text.plain for record in self._records) or self._empty.plain

    def show(
        self,
        head: Content,
        records: Sequence[Record],
        *,
        empty: str = "nothing here yet",
        title: str | None = None,
    ) -> None:
        """Replace the lines; the cursor stays on its record where that is still there."""
        before, before_count = self.current, len(self._records)
        if title is not None:
            self.border_title = f" {title} "
        self._head, self._records = head, tuple(records)
        self._empty = Content.styled(empty, "$quiet")
        keys = [record.key for record in self._records]
        grew = len(keys) != before_count
        at = keys.index(before) if before in keys else min(self.cursor, max(0, len(keys) - 1))
        with self.prevent(self.Moved):
            self.set_reactive(RecordList.cursor, at)
        self._keep_in_sight()
        self.refresh(layout=grew)
        if self.current != before:
            self.post_message(self.Moved(self, self.current))

    def select(self, wanted: Hashable) -> None:
        """Put the cursor on a record."""
        keys = [record.key for record in self._records]
        if wanted in keys:
            self.cursor = keys.index(wanted)

    def render(self) -> Content:
        """The head and as many lines as fit."""
        width = self.size.width
        lines: list[Content] = [self._line(self._head, width, False)] if self._head.plain else []
        if not self._records:
            return Content("\n").join([*lines, self._line(self._empty, width, False)])
        room = self._room()
        for number in range(self._top, min(self._top + room, len(self._records))):
            lines.append(self._line(self._records[number].text, width, number == self.cursor))
        return Content("\n").join(lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All lines, where the height is automatic."""
        return bool(self._head.plain) + max(1, len(self._records))

    def _line(self, text: Content, width: int, at_cursor: bool) -> Content:
        symbols = getattr(self.app, "symbols", None)
        mark = symbols.cursor if symbols else ">"
        line = Content.assemble((f"{mark} ", "$accent") if at_cursor else "  ", text)
        line = line.truncate(width, pad=True) if line.cell_length != width else line
        if at_cursor:
            line = line.stylize("on $cursor-background" if self.has_focus else "on $cursor-blurred")
        return line

    def _room(self) -> int:
        return max(1, self.size.height - bool(self._head.plain))

    def _keep_in_sight(self) -> None:
        room = self._room()
        self._top = max(0, min(self._top, self.cursor, len(self._records) - room))
        self._top = max(self._top, self.cursor - room + 1)

    def validate_cursor(self, cursor: int) -> int:
        """The cursor is always on a line."""
        return max(0, min(cursor, len(self._records) - 1))

    def watch_cursor(self) -> None:
        """Scrolls, repaints and tells."""
        self._keep_in_sight()
        self.refresh()
        if self._records:
            self.post_message(self.Moved(self, self.current))

    def on_resize(self) -> None:
        """More or fewer lines fit."""
        self._keep_in_sight()

    def on_focus(self) -> None:
        """The cursor is stronger where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is weaker where the keys do not go."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """To the line, or open it when the cursor is there already."""
        place = event.get_content_offset(self)
        if place is None:
            return
        number = self._top + place.y - bool(self._head.plain)
        if not 0 <= number < len(self._records):
            return
        if number == self.cursor and event.chain > 1:
            self.action_choose()
        self.cursor = number

    def on_mouse_scroll_down(self) -> None:
        """A line down."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """A line up."""
        self.action_move(-1)

    def action_move(self, by: int) -> None:
        """Moves the cursor."""
        self.cursor += by

    def action_end(self, side: int) -> None:
        """To the first (0) or last (1) line."""
        self.cursor = len(self._records) - 1 if side else 0

    def action_choose(self) -> None:
        """Opens the record."""
        if self._records:
            self.post_message(self.Chosen(self, self.current))
