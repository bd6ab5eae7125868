"""A rule across the screen that carries a title and what is to be said of the pane below it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from tui.symbols import UNICODE

Part = tuple[str, str]
"""Text and style."""


class TitleLine(Widget):
    """`─ Positions ─ 19,290 ─ filter: pnl<0 ────────── sort: closed ▼ ─`; the middle gives way first."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TitleLine {
        height: 1;
        color: $foreground;
        background: $background;
    }
    """

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = title
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()

    def say(self, left: Sequence[Part], right: Sequence[Part] = (), *, title: str | None = None) -> None:
        """Changes what stands after the title and at the right end; empty texts are left out."""
        self._title = self._title if title is None else title
        self._left = tuple(part for part in left if part[0])
        self._right = tuple(part for part in right if part[0])
        self.refresh()

    def render(self) -> Content:
        """The rule with its texts, shortened from the right of the left half."""
        rule = getattr(self.app, "symbols", UNICODE).rule
        width = self.size.width
        left = self._half([(self._title, "bold $accent"), *self._left], rule)
        right = self._half(list(self._right), rule)
        room = width - right.cell_length - 2
        if room < len(self._title) + 4:
            right, room = Content(""), width - 2
        if left.cell_length > room:
            left = left.truncate(room, ellipsis=True)
        fill = rule * max(0, width - left.cell_length - right.cell_length - 2)
        return Content.assemble((rule, "$rule"), left, (fill, "$rule"), right, (rule, "$rule"))

    def _half(self, parts: list[Part], rule: str) -> Content:
        content = Content("")
        for number, (text, style) in enumerate(parts):
            joint = (rule, "$rule") if number else ("", "")
            content = Content.assemble(content, joint, (f" {text} ", style))
        return content
