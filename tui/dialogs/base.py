"""A dialog: a titled frame in the middle of the screen that it darkens."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from tui.widgets.key_bar import KeyBar

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """`body()` gives what lies in the frame; the last line of the frame shows the keys that work in it."""

    TITLE_TEXT: ClassVar[str] = ""
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > Vertical {
            width: 72;
            max-width: 96%;
            height: auto;
            max-height: 94%;
            background: $surface;
            border: round $border;
            border-title-color: $accent;
            border-title-style: bold;
            padding: 1 2 0 2;
        }
        KeyBar {
            dock: none;
            margin-top: 1;
            background: $surface;
        }
    }
    """

    def compose(self) -> ComposeResult:
        """The frame, what lies in it, and its keys."""
        frame = Vertical(*self.body(), KeyBar(), id="frame")
        frame.border_title = f" {self.title_text()} "
        yield frame

    def title_text(self) -> str:
        """The title in the frame."""
        return self.TITLE_TEXT

    def body(self) -> list[Widget]:
        """The widgets in the frame."""
        return [Static("")]
