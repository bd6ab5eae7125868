"""What is shown instead of a traceback when the database cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.clipboard import copy_text
from tui.dialogs.base import Dialog
from tui.keys import key

if TYPE_CHECKING:
    from tui.app import CoinTraderApp

TITLES = {
    "DatabaseLocked": "The database is locked",
    "DatabaseTooNew": "The database is newer than this program",
    "DatabaseDamaged": "The database cannot be read",
    "MigrationFailed": "The database could not be brought up to date",
    "WorkspaceError": "The workspace cannot be used",
    "DiskFull": "The disk is full",
}


class RefusedScreen(Dialog[None]):
    """Says why the database cannot be used and what to do; `r` tries again."""

    DEFAULT_CSS = """
    RefusedScreen > Vertical {
        border: round $error;
        border-title-color: $error;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("refused.retry", "r,enter", "retry", "try again", "Open the database once more", show=True),
        key("refused.copy", "y", "copy", "copy", "Copy the text", show=True),
        key("refused.quit", "q,escape", "app.quit", "quit", "Leave the console", show=True),
    ]

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def title_text(self) -> str:
        """What is wrong, in a few words."""
        return TITLES.get(type(self.error).__name__, "The database cannot be opened")

    def body(self) -> list[Widget]:
        """The error in its own words, and where the rest is written."""
        app = cast("CoinTraderApp", self.app)
        return [
            Static(Content(str(self.error) or type(self.error).__name__)),
            Static(
                Content.styled(
                    "\nNothing was changed."
                    + (f" The whole of it: {app.log_path}" if app.log_path.exists() else ""),
                    "$quiet",
                )
            ),
        ]

    def action_retry(self) -> None:
        """Opens the database once more."""
        app = cast("CoinTraderApp", self.app)
        self.dismiss()
        app.open_database()

    def action_copy(self) -> None:
        """Copies the text."""
        copy_text(self.app, str(self.error), cast("CoinTraderApp", self.app).workspace.root)
