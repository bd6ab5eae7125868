"""One setup, whole: what was known, what it was worth, and what was learned from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui.clipboard import copy_text
from tui.dialogs.base import Dialog
from tui.keys import key
from tui.reader import Asker
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    import sqlite3

    from storage.setup_story import SetupStory
    from tui.app import CoinTraderApp


class SetupDialog(Dialog[None]):
    """Reads the setup when it is opened; `y` copies it."""

    DEFAULT_CSS = """
    SetupDialog > Vertical {
        width: 96;
    }
    SetupDialog VerticalScroll {
        height: auto;
        max-height: 30;
    }
    SetupDialog Panel {
        height: auto;
        min-height: 10;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("setup.copy", "y", "copy", "copy", "Copy the setup as text", show=True),
        key("setup.close", "escape,enter,q", "close", "close", "Close", show=True),
    ]

    def __init__(self, setup_id: int) -> None:
        super().__init__()
        self._setup_id = setup_id
        self._asker: Asker | None = None

    @property
    def console(self) -> CoinTraderApp:
        """The application, with its own type."""
        return cast("CoinTraderApp", self.app)

    def title_text(self) -> str:
        """Which setup."""
        return f"Setup #{self._setup_id:,}"

    def body(self) -> list[Widget]:
        """The text, which may be scrolled."""
        return [VerticalScroll(Panel("", id="setup"))]

    def on_mount(self) -> None:
        """Asks for the setup."""
        self.query_one(Panel).styles.border = ("none", "transparent")
        self._asker = Asker(self, self.console.gate)
        number = self._setup_id

        def ask(connection: sqlite3.Connection) -> SetupStory:
            from storage.setup_story import setup_story

            return setup_story(connection, number)

        self._asker.ask(
            ask,
            self._show,
            failed=lambda error: self.console.report_error(error, f"reading setup {number}"),
        )

    def _show(self, story: SetupStory) -> None:
        from tui.setup_text import story_text

        panel = self.query_one(Panel)
        panel.show(story_text(story, (panel.content_size.width or 86) - 1, self.console.symbols))

    def action_copy(self) -> None:
        """Copies the text."""
        copy_text(self.app, self.query_one(Panel).text, self.console.workspace.root)

    def action_close(self) -> None:
        """Closes the dialog."""
        self.dismiss()

    def on_unmount(self) -> None:
        """Closes the connection."""
        if self._asker is not None:
            self._asker.close()
