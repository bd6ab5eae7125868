"""One replay: what was trained again, beside its control and the baseline, and the steps of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from tui.clipboard import copy_text
from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.screens.base import ConsoleScreen
from tui.widgets.panel import Panel
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    import sqlite3

    from storage.replays import ReplayRow


class ReplayResultScreen(ConsoleScreen):
    """Lies over the screen of replays."""

    ID: ClassVar[str] = "replay"
    CSS_PATH = "replay_result.tcss"
    HELP: ClassVar[str] = (
        "What a replay brought: the value of the replayed version beside that of the control, which was "
        "trained on as many rows drawn evenly, and the baseline; all on rows that neither saw. The bars "
        "begin at the lowest of the three. A gain within three standard errors is no gain. enter shows the "
        "steps of the replayed session, c those of the control, w the curves of both."
    )
    help_title: ClassVar[str] = "Result of a replay"
    OPENS = LazyClasses("tui.screens.step_browser:StepBrowserScreen")
    AUTO_FOCUS = "#story"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("result.steps", "enter", "steps", "steps", "The steps of the replayed session", show=True),
        key("result.control", "c", "control_steps", "its control", "The steps of the control", show=True),
        key("result.curves", "w", "curves", "curves", "The curves of both in Live", show=True),
        key("result.copy", "y", "copy", "copy", "Copy the result as text", show=True),
        key("result.close", "q", "back", "back", "Go back to the replays", show=True),
    ]

    def __init__(self, replay_id: int) -> None:
        super().__init__()
        self._replay_id = replay_id
        self._replay: ReplayRow | None = None

    def compose_body(self) -> ComposeResult:
        """The title, and the story."""
        yield TitleLine("Replay", id="title")
        yield VerticalScroll(Panel("", id="result"), id="story")

    def refresh_data(self) -> None:
        """Asks for the replay."""
        number = self._replay_id

        def ask(connection: sqlite3.Connection) -> ReplayRow:
            from storage.replays import get_replay

            return get_replay(connection, number)

        self.query_database(ask, self._show, doing=f"reading replay {number}")

    def _show(self, replay: ReplayRow) -> None:
        from tui import phrases

        self._replay = replay
        self.query_one("#title", TitleLine).say(
            [
                (f"{replay.kind} {self.console.symbols.middle} {replay.agent}", "$foreground"),
                (replay.state, phrases.STATE_STYLES.get(replay.state, "")),
            ],
            title=f"Replay r.{replay.id}",
        )
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        from tui.screens.replay_result_text import result_text

        if self._replay is not None:
            width = max(40, self.query_one("#story").size.width - 4)
            self.query_one("#result", Panel).show(result_text(self._replay, width, self.console.symbols))

    def on_resize(self) -> None:
        """Another width breaks the lines elsewhere."""
        self.call_after_refresh(self._tell)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Not every replay has two sessions."""
        replay = self._replay
        if action in {"steps", "curves"} and (replay is None or replay.session_id is None):
            return "no session belongs to it yet"
        if action == "control_steps" and (replay is None or replay.control_session_id is None):
            return "it has no control"
        return super().why_not(action, parameters)

    def action_steps(self) -> None:
        """The steps of the replayed session."""
        if self._replay is not None:
            self._open_steps(self._replay.session_id)

    def action_control_steps(self) -> None:
        """The steps of the control."""
        if self._replay is not None:
            self._open_steps(self._replay.control_session_id)

    def _open_steps(self, session_id: int | None) -> None:
        from tui.screens.step_browser import StepBrowserScreen

        if session_id is not None:
            self.console.push_screen(StepBrowserScreen(session_id, over=self.ID))

    def action_curves(self) -> None:
        """The curves of both sessions."""
        if self._replay is not None:
            pair = (self._replay.session_id, self._replay.control_session_id)
            self.show_curves([id for id in pair if id is not None])

    def action_copy(self) -> None:
        """Copies the result."""
        from tui.screens.replay_result_text import result_text

        if self._replay is not None:
            text = result_text(self._replay, 100, self.console.symbols).plain
            copy_text(self.app, text, self.console.workspace.root)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The sessions of the replay."""
        replay = self._replay
        if replay is None:
            return
        for name, session_id in (
            ("replayed session", replay.session_id),
            ("control", replay.control_session_id),
            ("session that was replayed", replay.source_session_id),
        ):
            if session_id is not None:
                yield f"Steps of the {name}", f"s.{session_id}", partial(self._open_steps, session_id)
