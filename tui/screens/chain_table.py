"""A table of which every row has a chain: the pane follows the cursor, enter opens the chain whole."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.dom import DOMNode
from textual.timer import Timer
from textual.widget import Widget

from tui.keys import key
from tui.screens.chain import ChainScreen
from tui.screens.table_screen import TableScreen
from tui.widgets.chain_pane import ChainPane

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from storage.chain import Chain
    from tui.widgets.paged_table.pages import Row

REST_SECONDS = 0.04
"""How long the cursor must rest before its chain is read: a held key asks nothing."""


class ChainTableScreen(TableScreen):
    """Subclasses say which signal or position a row is about."""

    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = "table_screen.tcss"
    OPENS: ClassVar[tuple[type[DOMNode], ...]] = (ChainScreen,)
    BINDINGS: ClassVar[list[BindingType]] = [
        key(
            "screen.pane",
            "d",
            "toggle_pane",
            "details",
            "Show or hide what the row is about",
            show=True,
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._resting: Timer | None = None

    def subject(self, row: Row) -> tuple[str, int]:
        """ "signal" or "position", and its id."""
        raise NotImplementedError

    def compose_pane(self) -> Iterator[Widget]:
        """The chain of the row under the cursor."""
        yield ChainPane(id="pane")

    def read_chain(self, row: Row) -> None:
        """Asks for the chain of a row."""
        kind, id = self.subject(row)
        self.query_database(
            lambda connection: read_chain(connection, kind, id),
            self.query_one(ChainPane).show,
            group="chain",
            doing="reading the chain of a row",
        )

    def show_row(self, row: Row | None) -> None:
        """The pane follows once the cursor rests."""
        if self._resting is not None:
            self._resting.stop()
            self._resting = None
        pane = self.query_one("#pane")
        if not pane.display:
            return
        if row is None:
            if not self.table.pages.at_least:
                self.query_one(ChainPane).show(None)
            return
        self._resting = self.set_timer(REST_SECONDS, lambda: self.read_chain(row))

    def open_row(self, row: Row) -> None:
        """The chain, whole."""
        kind, id = self.subject(row)
        self.app.push_screen(ChainScreen(kind, id, self.ID))

    def action_toggle_pane(self) -> None:
        """Shows the pane where it was left out, or takes it away."""
        shown = self.query_one("#pane").display
        self.set_class(shown, "-without-pane")
        self.set_class(not shown, "-with-pane")
        if not shown:
            self.call_after_refresh(self.show_row, self.table.current_row())

    def on_resize(self) -> None:
        """Another shape shows the chain in other words."""
        if self.is_mounted and self.table.view is not None:
            self.call_after_refresh(self.show_row, self.table.current_row())


def read_chain(connection: sqlite3.Connection, kind: str, id: int) -> Chain | None:
    """The chain of a signal or of a position; None when it is gone."""
    from storage.chain import ChainMissing, position_chain, signal_chain

    try:
        return position_chain(connection, id) if kind == "position" else signal_chain(connection, id)
    except ChainMissing:
        return None
