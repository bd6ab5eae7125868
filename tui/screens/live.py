"""The curves of what is being trained, while it is being trained, and those of sessions before it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content

from tui.keys import key
from tui.pace import Pace
from tui.screens.base import ConsoleScreen
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.group import ChartGroup
from tui.widgets.log_tail import LogTail
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

if TYPE_CHECKING:
    from storage.jobs import JobRow
    from storage.sessions import SessionRow
    from tui.screens.live_groups import Group
    from tui.screens.live_read import LiveReader, LiveView, RunView

EQUITY = "chart-equity"
CHART_WIDTH, CHART_HEIGHT = 52, 9


class LiveScreen(ConsoleScreen):
    """Follows what runs until the operator chooses; then shows that until told to follow again."""

    ID: ClassVar[str] = "live"
    CSS_PATH = "live.tcss"
    HELP: ClassVar[str] = (
        "The curves of running sessions, or of those that you choose. enter shows the session under the "
        "cursor alone, m adds it to or takes it from those shown, a follows whatever runs. All charts share "
        "one crosshair and one zoom. A line that stops with a badge has diverged: what came after was not a "
        "finite number. A session whose worker is silent is called silent, then presumed dead."
    )
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"stop"})
    KEY_WIDGETS = (Chart, RecordList, LogTail)
    AUTO_FOCUS = "Chart"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("live.pause", "space", "pause", "pause", "Hold everything still, or go on", show=True),
        key(
            "live.mark", "m", "mark", "overlay", "Add this session to those shown, or take it away", show=True
        ),
        key("live.follow", "a", "follow", "follow", "Show whatever runs", show=True),
        key("live.up", "up,k", "cursor(-1)", "session above", "The session above"),
        key("live.down", "down,j", "cursor(1)", "session below", "The session below"),
        key(
            "live.choose",
            "enter",
            "choose_one",
            "only this",
            "Show the session under the cursor alone",
            show=True,
        ),
        key("live.next", "right_square_bracket", "turn(1)", "next charts", "The charts that did not fit"),
        key("live.previous", "left_square_bracket", "turn(-1)", "charts before", "The charts before these"),
        key("live.stop", "X", "stop", "stop", "Stop the training at its next step; asks first", show=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self.refresh_data, self.set_timer)
        self._reader: LiveReader | None = None
        self._view: LiveView | None = None
        self._chosen: tuple[int, ...] = ()
        self._paused = False
        self._page = 0

    @property
    def chosen(self) -> tuple[int, ...]:
        """The sessions that the operator asked for; empty while it follows what runs."""
        return self._chosen

    @property
    def view(self) -> LiveView | None:
        """What was read last."""
        return self._view

    def compose_body(self) -> ComposeResult:
        """A line a session on top, charts, and below or beside them sessions, norms and the log."""
        yield Panel("live", id="progress")
        with Horizontal(id="body"):
            with ChartGroup(id="charts"):
                yield Chart("loss", id="chart-loss", x_unit="step", empty="no training yet")
            with Horizontal(id="side"):
                yield RecordList("sessions", id="sessions")
                yield Panel("gradient norm by layer", id="norms")
                yield LogTail(id="log", classes="panel")

    def on_mount(self) -> None:
        """A silent worker commits nothing: its silence has to be looked for."""
        self.query_one("#norms").display = False
        self._pulse = self.set_interval(1.0, self._beat)

    def on_screen_suspend(self) -> None:
        """No look at the log or at the clock while nobody sees it."""
        self._pulse.pause()
        self._pace.forget()
        self.query_one(LogTail).suspend()
        super().on_screen_suspend()

    def on_screen_resume(self) -> None:
        """Looks again."""
        self._pulse.resume()
        self.query_one(LogTail).resume()
        super().on_screen_resume()

    def choose(self, sessions: Sequence[int]) -> None:
        """Show these sessions; none means whatever runs."""
        self._chosen = tuple(sessions)
        if self.is_attached:
            self.refresh_data()

    def refresh_data(self) -> None:
        """Asks for sessions, their jobs and their curves."""
        wanted = self._chosen

        def ask(connection: sqlite3.Connection) -> LiveView:
            if self._reader is None:
                from tui.screens.live_read import LiveReader

                self._reader = LiveReader()
            return self._reader.read(connection, wanted)

        self._pace.asked()
        self.query_database(ask, self._answered, failed=self._failed, doing="reading the curves")

    def on_data_changed(self) -> None:
        """Follows, unless it is held still."""
        if not self._paused:
            self._pace.want()

    def _beat(self) -> None:
        view = self._view
        if view is None or self._paused:
            return
        if view.other_jobs or any(run.session.state == "running" for run in view.shown):
            self._pace.want()

    def _answered(self, view: LiveView) -> None:
        self.show_view(view)
        self._pace.answered()

    def _failed(self, error: Exception) -> None:
        self.console.report_error(error, "reading the curves")
        self._pace.answered()

    def show_view(self, view: LiveView) -> None:
        """Puts what was read onto the screen."""
        from tui.screens import live_text as words

        self._view = view
        symbols = self.console.symbols
        progress, sessions = self.query_one("#progress", Panel), self.query_one("#sessions", RecordList)
        width = progress.content_size.width or self.size.width - 2
        progress.show(
            words.progress_text(view, width, symbols, at_most=2 if self.size.height < 30 else 5),
            title=self._title(),
        )
        records = words.session_records(view, (sessions.content_size.width or 44) - 2, symbols)
        sessions.show(Content(""), records, empty="no session yet")
        self._show_charts(view)
        self._show_norms(view)
        self._show_log(view)
        self.refresh_bindings()

    def _title(self) -> str:
        if self._paused:
            return "live, paused: space goes on"
        return "live, following what runs" if not self._chosen else "live, chosen sessions: a follows"

    def _show_charts(self, view: LiveView) -> None:
        from tui.screens.live_groups import all_metrics, groups_of, levels_of, series_of, span_of
        from tui.widgets.chart.stored import equity_series

        groups = [group for group in groups_of(all_metrics(view.shown)) if not self._is_small(group, view)]
        span = span_of(view.shown)
        for group, chart in zip(groups, self._charts_for(groups), strict=True):
            chart.show_curves(series_of(group, view.shown), levels=levels_of(group, view.shown), span=span)
        if view.equity is not None and view.equity.count:
            self._chart("equity of the newest run", EQUITY, time=True).show_curves(
                [equity_series(view.equity)]
            )
        self._arrange([group.id for group in groups] or ["chart-loss"])

    @staticmethod
    def _is_small(group: Group, view: LiveView) -> bool:
        """Whether a group is shown as small multiples: gradient norms of several layers."""
        return group.title == "gradient norm" and len(group.metrics) > 1

    def _charts_for(self, groups: Sequence[Group]) -> list[Chart]:
        return [self._chart(group.title, group.id) for group in groups]

    def _chart(self, title: str, id: str, *, time: bool = False) -> Chart:
        found = self.query(f"#{id}").results(Chart)
        for chart in found:
            return chart
        chart = Chart(title, id=id, time=time, x_unit="" if time else "step")
        charts = self.query_one("#charts", ChartGroup)
        known = next((one for one in charts.query(Chart) if not one.is_time), None)
        if known is not None and not time:
            chart.window, chart.crosshair = known.window, known.crosshair
            chart.smoothing = known.smoothing
        charts.mount(chart)
        return chart

    def _arrange(self, ids: Sequence[str]) -> None:
        """As many charts as fit, beginning at the page that was turned to; equity comes last."""
        charts = self.query_one("#charts", ChartGroup)
        order = [*ids, EQUITY]
        present = [id for id in order if charts.query(f"#{id}")]
        across = max(1, charts.size.width // CHART_WIDTH)
        down = max(1, charts.size.height // CHART_HEIGHT)
        room = max(1, min(across * down, len(present)))
        self._page %= max(1, -(-len(present) // room))
        visible = present[self._page * room : (self._page + 1) * room]
        for chart in charts.query(Chart):
            chart.display = chart.id in visible
        if isinstance(self.focused, Chart) and self.focused.id not in visible:
            charts.query_one(f"#{visible[0]}").focus()
        across = min(across, len(visible))
        charts.styles.grid_size_columns = across
        charts.styles.grid_size_rows = -(-len(visible) // across)
        for id in visible:
            charts.query_one(f"#{id}").styles.column_span = 1
        if len(visible) % across:
            charts.query_one(f"#{visible[0]}").styles.column_span = 1 + across - len(visible) % across

    def _show_norms(self, view: LiveView) -> None:
        from tui.screens.live_text import norms_text
        from tui.widgets.chart.symbols import SETS

        panel = self.query_one("#norms", Panel)
        layers = {name for run in view.shown for name in run.curves if name.startswith("gradient_norm/")}
        panel.display = len(layers) > 1 and self.size.height >= 30
        if panel.display:
            symbols = self.console.symbols
            # What has just come onto the screen has no width yet; it will be this one.
            width = panel.content_size.width or (50 if self.has_class("-wide") else 28)
            panel.show(norms_text(view.shown, width, symbols, SETS[symbols.chart].bars))

    def _show_log(self, view: LiveView) -> None:
        run = next((run for run in view.shown if run.job is not None and run.job.log_path), None)
        job: JobRow | None = run.job if run is not None else None
        if job is None:
            job = next((job for job in view.other_jobs if job.log_path), None)
        log = self.query_one(LogTail)
        if job is None or not job.log_path:
            log.watch_file(None, empty="no log: nothing of this was run by a worker")
        else:
            log.watch_file(self.console.workspace.root / job.log_path, f"job {job.id}")

    def on_resize(self) -> None:
        """More or fewer charts fit."""
        if self._view is not None:
            self.call_after_refresh(self.show_view, self._view)

    @property
    def _session_at_cursor(self) -> int | None:
        current = self.query_one("#sessions", RecordList).current
        return current if isinstance(current, int) else None

    @on(RecordList.Chosen, "#sessions")
    def choose_one(self, message: RecordList.Chosen) -> None:
        """Shows one session alone."""
        message.stop()
        if isinstance(message.key, int):
            self.choose((message.key,))

    @on(RecordList.Moved, "#sessions")
    def moved(self, message: RecordList.Moved) -> None:
        """Another session can be stopped now."""
        message.stop()
        self.refresh_bindings()

    def action_cursor(self, by: int) -> None:
        """Moves in the list of sessions from wherever the focus is."""
        self.query_one("#sessions", RecordList).action_move(by)

    def action_choose_one(self) -> None:
        """Shows the session under the cursor alone."""
        if self._session_at_cursor is not None:
            self.choose((self._session_at_cursor,))

    def action_mark(self) -> None:
        """Adds the session under the cursor to those shown, or takes it away."""
        session = self._session_at_cursor
        if session is None or self._view is None:
            return
        shown = [run.session.id for run in self._view.shown]
        kept = [id for id in shown if id != session]
        self.choose(kept if session in shown else [*shown, session])

    def action_follow(self) -> None:
        """Shows whatever runs."""
        self.choose(())

    def action_pause(self) -> None:
        """Holds everything still, or goes on."""
        self._paused = not self._paused
        self.query_one(LogTail).paused = self._paused
        self.query_one("#progress", Panel).border_title = f" {self._title()} "
        if not self._paused:
            self.refresh_data()

    def action_turn(self, by: int) -> None:
        """The charts that did not fit."""
        self._page += by
        if self._view is not None:
            self._show_charts(self._view)

    def stoppable(self) -> RunView | None:
        """The shown session under the cursor if it can be stopped, else the first one that can."""
        runs = [
            run
            for run in (self._view.shown if self._view is not None else ())
            if run.job is not None and run.job.state in {"running", "queued", "interrupted"}
        ]
        at_cursor = [run for run in runs if run.session.id == self._session_at_cursor]
        return next(iter([*at_cursor, *runs]), None)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """What cannot be done now."""
        if action == "stop" and self.stoppable() is None:
            return "none of the sessions shown is running"
        return super().why_not(action, parameters)

    def action_stop(self) -> None:
        """Asks, then stops the training at its next step."""
        from tui.dialogs.confirm import ConfirmDialog

        run = self.stoppable()
        if run is None or run.job is None:
            return
        job, session = run.job, run.session

        def answered(yes: bool | None) -> None:
            if yes:
                self._stop(job, session)

        self.console.push_screen(
            ConfirmDialog(
                f"Stop the training of {session.agent}, session s.{session.id} (job {job.id})?",
                "It ends at its next step and keeps its last checkpoint. No version comes of it.",
            ),
            answered,
        )

    def _stop(self, job: JobRow, session: SessionRow) -> None:
        def ask(connection: sqlite3.Connection) -> str:
            from storage.jobs import request_cancel

            return request_cancel(connection, job.id)

        def told(state: str) -> None:
            words = "will stop at its next step" if state == "running" else f"is {state}"
            self.notify(f"Session s.{session.id} {words}.", title=f"Job {job.id}")

        self.change_database(ask, told, doing=f"stopping job {job.id}")

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The sessions, by name."""
        if self._view is None:
            return
        for session in self._view.sessions[:20]:
            title = f"Show s.{session.id} {session.agent}"
            yield title, f"{session.state}, step {session.step:,}", self._chooser(session.id)

    def _chooser(self, session_id: int) -> Callable[[], object]:
        return lambda: self.choose((session_id,))
