"""The sessions of an agent, newest first: how far each came, what it reached, and how its steps are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui.keys import key
from tui.screens.table_screen import TableScreen
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    import sqlite3

    from textual.timer import Timer

    from cointrader.training.replaying.request import ReplayRequest
    from tui.screens.session_read import SessionAtAGlance
    from tui.widgets.paged_table.pages import Row

REST_SECONDS = 0.04
"""How long the cursor must rest before its session is read: a held key asks nothing."""


class SessionsScreen(TableScreen):
    """Lies over the screen of agents; enter opens the steps of a session."""

    ID = "train"
    VIEW = "sessions"
    TITLE_TEXT = "Sessions"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = ["table_screen.tcss", "sessions.tcss"]
    HELP = (
        "Every training, the newest first. Steps kept says what there is of its steps: full with the "
        "gradient of each, so that any step can be rebuilt to the bit; digest with norms and digests only; "
        "pruned where the gradients made room for others. Worth is the training value: the mean value of "
        "its steps times what it won over the champion; what is worth least is pruned first. enter opens "
        "the steps, w the curves, p trains the session once more.\n"
        "Filter: agent=cnn state:diverged journal:full value>0.55 since:7d"
    )
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"again"})
    ORDER = (
        "id", "state", "step", "steps", "value", "baseline", "metric", "journal", "kept", "worth", "seed",
        "started", "agent", "ended", "note",
    )  # fmt: skip
    NARROW_ORDER = ("id", "state", "step", "value", "baseline", "journal", "kept", "worth", "started")
    EMPTY = "No session yet.\nt on the screen of agents opens the form that trains one."
    PRESETS = (
        ("steps kept whole", "journal:full"),
        ("succeeded", "state:succeeded"),
        ("diverged", "state:diverged"),
        ("the last 7 days", "since:7d"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key("sessions.curves", "w", "curves", "curves", "The curves of this session in Live", show=True),
        key("sessions.again", "p", "again", "replay", "Train this session once more", show=True),
        key("sessions.close", "q", "back", "back to agents", "Go back to the agents", show=True),
    ]

    def __init__(self, agent: str = "") -> None:
        super().__init__()
        self._agent = agent
        self._resting: Timer | None = None

    def first_filter(self) -> str:
        """The sessions of one agent."""
        return f"agent={self._agent}" if self._agent else ""

    def compose_pane(self) -> Iterator[Widget]:
        """What there is to say of the session under the cursor."""
        yield VerticalScroll(Panel("session", id="about"), id="pane", can_focus=False)

    def show_row(self, row: Row | None) -> None:
        """The pane follows once the cursor rests."""
        if self._resting is not None:
            self._resting.stop()
            self._resting = None
        self.refresh_bindings()
        if row is not None:
            self._resting = self.set_timer(REST_SECONDS, partial(self._read, row[-1]))

    def _read(self, session_id: int) -> None:
        def ask(connection: sqlite3.Connection) -> SessionAtAGlance:
            from tui.screens.session_read import read_session

            return read_session(connection, session_id)

        self.query_database(ask, self._show, group="session", doing=f"reading session {session_id}")

    def _show(self, session: SessionAtAGlance) -> None:
        from tui.screens.session_text import session_text

        panel = self.query_one("#about", Panel)
        width = (panel.content_size.width or 76) - 2
        text = session_text(session, width, self.console.symbols)
        panel.show(text, title=f"s.{session.row.id} {session.row.agent}")

    @property
    def session_id(self) -> int | None:
        """The session under the cursor."""
        row = self.table.current_row()
        return None if row is None else int(row[-1])

    def open_row(self, row: Row) -> None:
        """The steps of a session."""
        from tui.screens.step_browser import StepBrowserScreen

        self.console.push_screen(StepBrowserScreen(row[-1], over=self.ID))

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """There must be a session."""
        if action in {"curves", "again"} and self.session_id is None:
            return "there is no session under the cursor"
        return super().why_not(action, parameters)

    def action_curves(self) -> None:
        """The curves of a session."""
        if self.session_id is not None:
            self.show_curves([self.session_id])

    def action_again(self) -> None:
        """The form of replays, at this session."""
        from tui.screens.replay_form import ReplayForm

        if self.session_id is not None:
            self.console.push_screen(ReplayForm("session", session=self.session_id), self._start)

    def _start(self, request: ReplayRequest | None) -> None:
        from tui.launch import start_replay

        if request is not None:
            start_replay(self, request)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The sessions of each agent."""
        from models.registry import AGENTS

        yield from super().palette()
        for entry in AGENTS:
            yield (
                f"Sessions of {entry.title}",
                "newest first",
                partial(self.filter_by, f"agent={entry.name}"),
            )
