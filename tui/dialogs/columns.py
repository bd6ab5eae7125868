"""Which columns of a table are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import SelectionList
from textual.widgets.selection_list import Selection

from tui.dialogs.base import Dialog
from tui.keys import key


class ColumnsDialog(Dialog[tuple[str, ...] | None]):
    """A list to tick; gives the names of the hidden columns, or None when nothing is to change."""

    TITLE_TEXT = "Columns"
    DEFAULT_CSS = """
    ColumnsDialog > Vertical {
        width: 44;
    }
    ColumnsDialog SelectionList {
        height: auto;
        max-height: 20;
        border: none;
        background: $surface;
        padding: 0;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("columns.done", "enter,c", "done", "done", "Show these columns", show=True, priority=True),
        key("columns.cancel", "escape", "cancel", "leave", "Leave the columns as they are", show=True),
    ]

    def __init__(self, columns: Sequence[tuple[str, str]], hidden: Sequence[str]) -> None:
        super().__init__()
        self._columns = columns
        self._hidden = hidden

    def body(self) -> list[Widget]:
        """The list; space ticks."""
        choices = [Selection(Content(label), name, name not in self._hidden) for name, label in self._columns]
        return [SelectionList[str](*choices)]

    def action_done(self) -> None:
        """Hides what is not ticked; with nothing ticked nothing is hidden."""
        chosen = set(self.query_one(SelectionList).selected)
        hidden = tuple(name for name, _ in self._columns if name not in chosen)
        self.dismiss(hidden if chosen else ())

    def action_cancel(self) -> None:
        """Changes nothing."""
        self.dismiss(None)
