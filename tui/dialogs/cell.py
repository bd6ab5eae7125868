"""One cell, whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, cast

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


class CellDialog(Dialog[None]):
    """The text of a cell, wrapped; JSON is laid out; `y` copies it."""

    DEFAULT_CSS = """
    CellDialog VerticalScroll {
        height: auto;
        max-height: 24;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("cell.copy", "y", "copy", "copy", "Copy the cell", show=True),
        key("cell.close", "escape,enter,v,q", "close", "close", "Close", show=True),
    ]

    def __init__(self, label: str, value: Any, text: str) -> None:
        super().__init__()
        self._label = label
        self._text = laid_out(value, text)

    def title_text(self) -> str:
        """The label of the column."""
        return self._label

    def body(self) -> list[Widget]:
        """The text, which may be scrolled."""
        return [VerticalScroll(Static(Content(self._text)))]

    def action_copy(self) -> None:
        """Copies the text."""
        copy_text(self.app, self._text, cast("CoinTraderApp", self.app).workspace.root)

    def action_close(self) -> None:
        """Closes the dialog."""
        self.dismiss()


def laid_out(value: Any, text: str) -> str:
    """JSON with one member a line; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
        except ValueError:
            return text
    return text or "(nothing)"
