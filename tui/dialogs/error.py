"""An unexpected error, in words that can be copied, and where the whole of it is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.clipboard import copy_text
from tui.dialogs.base import Dialog
from tui.keys import key

if TYPE_CHECKING:
    from tui.app import CoinTraderApp


class ErrorDialog(Dialog[None]):
    """Says what failed and that the console goes on; `y` copies the text."""

    DEFAULT_CSS = """
    ErrorDialog {
        & > Vertical {
            border: round $error;
            border-title-color: $error;
        }
        VerticalScroll {
            height: auto;
            max-height: 16;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("error.copy", "y", "copy", "copy", "Copy the text of the error", show=True),
        key("error.close", "escape,enter,q", "close", "close", "Close; the console goes on", show=True),
    ]

    def __init__(self, doing: str, text: str, log: Path | None) -> None:
        """`log` is the file that has the whole error, None where none could be written."""
        super().__init__()
        self._doing = doing
        self._text = text
        self._log = log

    def title_text(self) -> str:
        """What kind of dialog this is."""
        return "Something went wrong"

    def body(self) -> list[Widget]:
        """What was being done, the error, and the log."""
        return [
            Static(Content.styled(f"While {self._doing}:", "$quiet")),
            VerticalScroll(Static(Content(self._text), id="text")),
            Static(self._where()),
        ]

    def _where(self) -> Content:
        if self._log is None:
            return Content.styled("\nThe console goes on. Its log could not be written.", "$quiet")
        return Content.assemble(
            ("\nThe console goes on. The whole of it is written in\n", "$quiet"),
            (str(self._log), "$foreground"),
        )

    def action_copy(self) -> None:
        """Copies the text of the error and the path of the log."""
        folder = cast("CoinTraderApp", self.app).workspace.root
        copy_text(self.app, f"While {self._doing}:\n{self._text}\n{self._log or ''}", folder)

    def action_close(self) -> None:
        """Closes the dialog."""
        self.dismiss()
