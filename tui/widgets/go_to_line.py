"""The line in which a number is written to go to."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.keys import key


class GoToInput(Input):
    """Digits are text here; `enter` goes, `escape` stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("go_to.go", "enter", "submit", "go", "Go to the number; empty is the first", show=True),
        key("go_to.leave", "escape", "leave", "stay", "Stay where you are", show=True),
    ]

    class Left(Message):
        """Escape was pressed."""

    def action_leave(self) -> None:
        """Stays."""
        self.post_message(self.Left())


class GoToLine(Horizontal):
    """Opens over a screen. Posts GoTo with the number, or None when the operator stays."""

    DEFAULT_CSS = """
    GoToLine {
        height: 1;
        background: $surface;
        display: none;
        &.-open { display: block; }
        .prompt { width: auto; padding: 0 1; color: $accent; text-style: bold; }
        GoToInput { width: 16; }
        .range { width: 1fr; padding: 0 1; color: $quiet; }
    }
    """

    class GoTo(Message):
        """The operator is done; `number` is None when nothing is to happen."""

        def __init__(self, number: int | None) -> None:
            super().__init__()
            self.number = number

    def __init__(self, what: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._what = what
        self._first = 1
        self._last = 1

    def compose(self) -> ComposeResult:
        """The prompt, the number, and what there is."""
        yield Static(Content(f"{self._what} "), classes="prompt")
        yield GoToInput(compact=True, type="integer", select_on_focus=False)
        yield Static(classes="range")

    @property
    def is_open(self) -> bool:
        """Whether the line is on the screen."""
        return self.has_class("-open")

    def open(self, first: int, last: int) -> None:
        """Shows the empty line; numbers from `first` to `last` can be gone to."""
        self._first, self._last = first, last
        self.query_one(".range", Static).update(Content(f"{first:,} to {last:,}; enter goes, escape stays"))
        self.add_class("-open")
        field = self.query_one(GoToInput)
        field.value = ""
        field.focus()

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Goes to the nearest number that there is."""
        event.stop()
        text = event.value.strip()
        try:
            number = int(text) if text else self._first
        except ValueError:
            self.query_one(".range", Static).update(Content.styled(f"{text} is no number", "$error"))
            return
        self._close(max(self._first, min(number, self._last)))

    @on(GoToInput.Left)
    def left(self, event: GoToInput.Left) -> None:
        """Nothing happens."""
        event.stop()
        self._close(None)

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        """Nobody else needs to know."""
        event.stop()

    def _close(self, number: int | None) -> None:
        self.remove_class("-open")
        self.post_message(self.GoTo(number))
