"""A line of text of which parts can be clicked, without the look of links."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.widget import Widget


@dataclass(frozen=True)
class Piece:
    """A part of the line, and what a click on it does."""

    content: Content
    click: Callable[[], object] | None = None


class ClickableLine(Widget):
    """Subclasses give the pieces for a width; they are drawn one after the other."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ClickableLine {
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[tuple[int, Callable[[], object] | None]] = []

    def pieces(self, width: int) -> Sequence[Piece]:
        """What the line says in `width` cells."""
        return ()

    def render(self) -> Content:
        """The pieces, joined; where each ends is kept for the mouse."""
        pieces = self.pieces(self.size.width)
        self._ends = []
        at = 0
        for piece in pieces:
            at += piece.content.cell_length
            self._ends.append((at, piece.click))
        return Content.assemble(*(piece.content for piece in pieces))

    async def on_click(self, event: events.Click) -> None:
        """Does what the piece under the mouse stands for."""
        for end, click in self._ends:
            if event.x < end:
                if click is not None:
                    click()
                return
