"""What every screen of the console has: the header, the keys, and a way to ask the database.

A screen says what it shows in `compose_body`, asks for its data in `refresh_data`, and does nothing
slow itself: `query_database` runs a function of a connection in a thread and brings the answer back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from tui.keys import key
from tui.reader import Asker
from tui.widgets.header import Header
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    import sqlite3

    from tui.app import CoinTraderApp

Answer = TypeVar("Answer")

READ_ONLY = "the console was started with --read-only"


class ConsoleScreen(Screen[None]):
    """The base of all screens.

    Subclasses set `ID` (as in the catalogue; screens that lie over another use the id of that one),
    `HELP` (the text of the help screen), `DANGEROUS` (names of actions that change something),
    `KEY_WIDGETS` (classes of widgets whose keys work here) and `OPENS` (classes of screens and dialogs that
    are opened from here only), and write

    - `compose_body()`: the widgets between header and keys;
    - `refresh_data()`: called on the loop when the screen is shown and on `r`; asks, never waits;
    - `on_data_changed()`: called on the loop while the screen is visible and another process committed;
      asks again unless overridden;
    - `why_not(action, parameters)`: why an action is impossible now, or "" when it is possible;
    - `palette()`: what the palette offers here beside the keys.
    """

    ID: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    DANGEROUS: ClassVar[frozenset[str]] = frozenset()
    KEY_WIDGETS: ClassVar[tuple[type[Widget], ...]] = ()
    OPENS: ClassVar[tuple[type[DOMNode], ...]] = ()
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (45, "-very-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    ConsoleScreen {
        overflow: hidden;
        background: $background;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("screen.refresh", "r", "refresh_data", "refresh", "Ask again for everything shown", show=True),
        key("screen.next_pane", "tab", "app.focus_next", "next pane", "Move to the next pane"),
        key(
            "screen.previous_pane",
            "shift+tab",
            "app.focus_previous",
            "previous pane",
            "Move to the pane before",
        ),
        key(
            "screen.maximise",
            "z",
            "toggle_maximise",
            "maximise",
            "Give the focused pane the whole screen, or back",
        ),
        key("screen.back", "escape", "back", "back", "Close what lies over the screen"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._asker: Asker | None = None
        self._seen = -1

    @property
    def console(self) -> CoinTraderApp:
        """The application, with its own type."""
        return cast("CoinTraderApp", self.app)

    @property
    def key_words(self) -> dict[str, str]:
        """What the key line says of actions that now do something else than their binding says."""
        return {}

    @property
    def header_id(self) -> str:
        """The screen that is marked in the header."""
        return self.ID

    def compose(self) -> ComposeResult:
        """The header, the body, the keys."""
        yield Header(self.header_id)
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """What the screen shows."""
        yield from ()

    def refresh_data(self) -> None:
        """Asks for everything shown."""

    def on_data_changed(self) -> None:
        """Something was committed while this screen is visible."""
        self.refresh_data()

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What the palette offers here beside the keys: (title, help, what to call)."""
        yield from ()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Why `action` is impossible now, in words that follow "not possible: "; "" when it is possible."""
        if action in self.DANGEROUS and self.console.read_only:
            return READ_ONLY
        return ""

    def query_database(
        self,
        question: Callable[[sqlite3.Connection], Answer],
        then: Callable[[Answer], None],
        *,
        group: str = "page",
        failed: Callable[[Exception], None] | None = None,
        doing: str = "reading the database",
    ) -> None:
        """Runs `question(connection)` in a thread, then `then(answer)` on the loop.

        A newer question of the same group interrupts the older one. The connection is read-only and
        belongs to the group; it may be kept open, but no cursor on it. Without `failed` an error
        becomes a dialog that says what the console was doing.
        """
        if self._asker is None:
            self._asker = Asker(self, self.console.gate)
        report = failed or (lambda error: self.console.report_error(error, doing))
        self._asker.ask(question, then, group=group, failed=report)

    def change_database(
        self,
        change: Callable[[sqlite3.Connection], Answer],
        then: Callable[[Answer], None] | None = None,
        *,
        doing: str = "writing to the database",
    ) -> None:
        """Runs `change(connection)` with a connection that may write, in a thread; refused when read-only."""
        if self.console.read_only:
            self.notify(f"Not possible: {READ_ONLY}.", severity="warning")
            return
        self.console.change_database(change, then or (lambda _answer: None), doing=doing)

    def show_curves(self, sessions: Sequence[int]) -> None:
        """Goes to Live with these sessions chosen."""
        from tui.screens.live import LiveScreen

        self.console.action_show_screen("live")
        screen = self.console.screen
        if isinstance(screen, LiveScreen):
            screen.choose(sessions)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greys out what is impossible now."""
        return None if self.why_not(action, parameters) else True

    def on_key(self, event: events.Key) -> None:
        """Says why a key that is greyed out does nothing."""
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            reason = reason_of(active.node, active.binding.action)
            if reason:
                event.stop()
                self.notify(f"Not possible: {reason}.", severity="warning", timeout=3, markup=False)

    def on_screen_resume(self) -> None:
        """Asks again when something was committed while another screen was in front."""
        if self._seen != self.console.data_version:
            self._seen = self.console.data_version
            self.refresh_data()

    def on_screen_suspend(self) -> None:
        """Nobody looks any more: what is being asked is interrupted, and asked again on return."""
        if self._asker is not None:
            self._asker.drop()
        self._seen = -1

    def data_changed(self) -> None:
        """Called by the application for the screen in front."""
        self._seen = self.console.data_version
        self.on_data_changed()

    def on_unmount(self) -> None:
        """Closes the connections."""
        if self._asker is not None:
            self._asker.close()

    def action_refresh_data(self) -> None:
        """Asks again for everything shown."""
        self.refresh_data()

    def action_toggle_maximise(self) -> None:
        """Gives the focused pane the whole screen, or takes it back."""
        if self.maximized is not None:
            self.action_minimize()
        else:
            self.action_maximize()

    def action_back(self) -> None:
        """Closes a screen that lies over another one; the bottom one stays."""
        if len(self.console.screen_stack) > 1:
            self.dismiss()


def reason_of(node: DOMNode, action: str) -> str:
    """Why a node refuses an action, where it can say so."""
    why_not: Callable[[str, tuple[object, ...]], str] | None = getattr(node, "why_not", None)
    if why_not is None:
        return ""
    return why_not(action.split("(")[0].split(".")[-1], ())
