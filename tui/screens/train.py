"""The agents, one a row: how good their champion is, what they can learn from, and the form that trains."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from tui import phrases
from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.pace import Pace
from tui.screens.base import ConsoleScreen
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

if TYPE_CHECKING:
    from storage.lessons_overview import ModelLessons
    from storage.sessions import SessionRow
    from storage.training_overview import AgentAtAGlance, Material
    from tui.screens.training_form import TrainingRequest


@dataclass(frozen=True)
class TrainingView:
    """What one read brought."""

    glances: tuple[AgentAtAGlance, ...]
    material: Material
    sessions: dict[str, tuple[SessionRow, ...]]
    unheard: frozenset[int] = frozenset()
    """Running jobs whose worker does not answer."""

    lessons: dict[str, ModelLessons] = field(default_factory=dict)
    """What closes have taught, by agent; those that closes do not teach are not in it."""

    def hears(self, session: SessionRow | None) -> bool:
        """Whether a session may be called running when it says so."""
        return session is None or session.job_id not in self.unheard


class TrainScreen(ConsoleScreen):
    """Agents above, the sessions of the one under the cursor below."""

    ID: ClassVar[str] = "train"
    CSS_PATH = "train.tcss"
    HELP: ClassVar[str] = (
        "Everything that learns. Value and baseline are out of sample: of rows that the version never saw. A "
        "version becomes champion only when it beats its baseline and the champion before it. Where closed "
        "positions wait to be learned from, the row says how many and for what. t opens the "
        "form that trains the agent under the cursor; enter opens all its sessions, and from a session its "
        "steps. In the list below, enter opens the steps of a session and w its curves."
    )
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"train"})
    KEY_WIDGETS = (RecordList,)
    OPENS = LazyClasses(
        "tui.screens.training_form:TrainingForm",
        "tui.screens.sessions:SessionsScreen",
        "tui.screens.step_browser:StepBrowserScreen",
    )
    AUTO_FOCUS = "#agents"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("train.start", "t", "train", "train", "Open the form that trains this agent", show=True),
        key("train.curves", "w", "curves", "curves", "The curves of the session below in Live", show=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self.refresh_data, self.set_timer)
        self._view: TrainingView | None = None

    def compose_body(self) -> ComposeResult:
        """Agents above; sessions and what there is to say of the agent below."""
        yield RecordList("agents", id="agents")
        with Horizontal(id="lower"):
            yield RecordList("sessions", id="sessions")
            yield Panel("about", id="about")

    def refresh_data(self) -> None:
        """Asks for agents, sessions and what there is to learn from."""
        from models.registry import AGENTS

        names = [entry.name for entry in AGENTS]

        def ask(connection: sqlite3.Connection) -> TrainingView:
            from storage.jobs import RUNNING, list_jobs, list_workers
            from storage.lessons_overview import closes_taught
            from storage.training_overview import agents_at_a_glance, material, recent_sessions

            workers = list_workers(connection)
            running = list_jobs(connection, states=[RUNNING])
            return TrainingView(
                tuple(agents_at_a_glance(connection, names)),
                material(connection),
                {name: tuple(recent_sessions(connection, agent=name, limit=50)) for name in names},
                frozenset(job.id for job in running if phrases.silence(job, workers)),
                {lessons.model: lessons for lessons in closes_taught(connection).models},
            )

        self._pace.asked()
        self.query_database(ask, self._answered, failed=self._failed, doing="reading the agents")

    def on_data_changed(self) -> None:
        """Asks again, as often as it may."""
        self._pace.want()

    def on_screen_suspend(self) -> None:
        """No answer comes while another screen is in front."""
        self._pace.forget()
        super().on_screen_suspend()

    def _answered(self, view: TrainingView) -> None:
        self.show_view(view)
        self._pace.answered()

    def _failed(self, error: Exception) -> None:
        self.console.report_error(error, "reading the agents")
        self._pace.answered()

    def show_view(self, view: TrainingView) -> None:
        """Puts what was read onto the screen."""
        from models.registry import AGENTS
        from tui.screens import train_text as words

        self._view = view
        symbols = self.console.symbols
        agents = self.query_one("#agents", RecordList)
        width = agents.content_size.width or 118
        agents.show(
            words.agents_head(width, symbols),
            [
                words.agent_record(
                    entry,
                    glance,
                    view.material,
                    view.lessons.get(entry.name),
                    view.hears(glance.last_session),
                    width,
                    symbols,
                )
                for entry, glance in zip(AGENTS, view.glances, strict=True)
            ],
        )
        self._show_agent()

    @property
    def agent(self) -> str | None:
        """The agent under the cursor."""
        current = self.query_one("#agents", RecordList).current
        return current if isinstance(current, str) else None

    @on(RecordList.Moved, "#agents")
    def another_agent(self, message: RecordList.Moved) -> None:
        """The lower half follows the cursor."""
        message.stop()
        self._show_agent()

    def _show_agent(self) -> None:
        from models.registry import get
        from tui.screens import train_text as words

        view, agent = self._view, self.agent
        if view is None or agent is None:
            return
        symbols = self.console.symbols
        sessions = self.query_one("#sessions", RecordList)
        width = sessions.content_size.width or 76
        entry = get(agent)
        sessions.show(
            words.sessions_head(width, symbols),
            [
                words.session_record(session, view.hears(session), width, symbols)
                for session in view.sessions[agent]
            ],
            empty="never trained: t opens the form",
            title=f"sessions of {entry.title}",
        )
        glance = next(one for one in view.glances if one.agent == agent)
        about = self.query_one("#about", Panel)
        width = about.content_size.width or 42
        lessons = view.lessons.get(agent)
        text = words.about_text(entry, glance, view.material, lessons, width, symbols)
        about.show(text, title=entry.title)

    @on(RecordList.Chosen, "#agents")
    def to_sessions(self, message: RecordList.Chosen) -> None:
        """From an agent to all its sessions."""
        from tui.screens.sessions import SessionsScreen

        message.stop()
        if isinstance(message.key, str):
            self.console.push_screen(SessionsScreen(message.key))

    @on(RecordList.Chosen, "#sessions")
    def to_steps(self, message: RecordList.Chosen) -> None:
        """From a session to its steps."""
        from tui.screens.step_browser import StepBrowserScreen

        message.stop()
        if isinstance(message.key, int):
            self.console.push_screen(StepBrowserScreen(message.key))

    @property
    def session(self) -> int | None:
        """The session under the cursor of the list below."""
        current = self.query_one("#sessions", RecordList).current
        return current if isinstance(current, int) else None

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Curves belong to a session."""
        if action == "curves" and self.session is None:
            return "this agent has no session yet"
        return super().why_not(action, parameters)

    def action_curves(self) -> None:
        """The curves of the session under the cursor of the list below."""
        if self.session is not None:
            self.show_curves([self.session])

    def on_resize(self) -> None:
        """Columns come and go with the width."""
        if self._view is not None:
            self.call_after_refresh(self.show_view, self._view)

    def action_back(self) -> None:
        """From the sessions to the agents."""
        if self.query_one("#sessions").has_focus:
            self.query_one("#agents").focus()
        else:
            super().action_back()

    def action_train(self) -> None:
        """Opens the form."""
        from tui.screens.training_form import TrainingForm

        if self.agent is not None:
            self.console.push_screen(TrainingForm(self.agent), self.start)

    def start(self, request: TrainingRequest | None) -> None:
        """Queues what the form asks for, and makes sure that somebody does it."""
        if request is None:
            return
        from tui import launch

        workspace = self.console.workspace

        def ask(connection: sqlite3.Connection) -> int:
            job_id = launch.queue_training(connection, request.agent, request.params, seed=request.seed)
            launch.ensure_worker(workspace)
            return job_id

        def told(job_id: int) -> None:
            self.notify(f"Queued as job {job_id}. 6 shows its curves.", title=f"Train {request.agent}")

        self.change_database(ask, told, doing=f"starting the training of {request.agent}")

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """A training of any agent."""
        from models.registry import AGENTS

        def opener(name: str) -> Callable[[], object]:
            def open_form() -> None:
                self.query_one("#agents", RecordList).select(name)
                self.call_after_refresh(self.action_train)

            return open_form

        for entry in AGENTS:
            yield f"Train {entry.title}", entry.purpose, opener(entry.name)
