"""The first screen: is everything alive, how is the account doing, what is running, what went wrong.

It is what is painted when the console starts, so nothing is imported here that the first paint does not
show: the chart and the words come with the first answer of the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.pace import Pace
from tui.screens.base import ConsoleScreen
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from storage.latency import StageLatency
    from storage.lessons_overview import ClosesTaught
    from storage.overview import Overview
    from storage.training_health import TrainingHealth
    from tui.widgets.chart.chart import Chart

EQUITY_COLUMNS = 400


class OverviewScreen(ConsoleScreen):
    """Answers within a second whether anything needs a hand."""

    ID: ClassVar[str] = "overview"
    CSS_PATH = "overview.tcss"
    HELP: ClassVar[str] = (
        "The state of the workspace: the equity of the newest run, whether the worker answers, running jobs "
        "with the time they will still take, the champion of each agent against its baseline, what closed "
        "positions have taught each model (trained, waiting, skipped, absent; whether the loss of these "
        "lessons falls), how many setups there are to learn from and which agents still wait for more, and "
        "the last errors. Numbers change by themselves while other processes work. A worker whose heartbeat "
        "is late is called silent, then presumed dead; its jobs are taken up by the next worker."
    )
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"fill"})
    KEY_WIDGETS = LazyClasses("tui.widgets.chart.chart:Chart")
    OPENS = LazyClasses("tui.screens.offer:OfferDialog")
    BINDINGS: ClassVar[list[BindingType]] = [
        key(
            "overview.fill",
            "f",
            "fill",
            "fill",
            "Fill the empty workspace with the bundled candles",
            show=True,
        ),
        key("overview.live", "enter", "live", "live", "To the curves of what is being trained", show=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self.refresh_data, self.set_timer)
        self._feeds_pace = Pace(self._ask_feeds, self.set_timer)
        self._training_pace = Pace(self._ask_training, self.set_timer)
        self._taught_pace = Pace(self._ask_taught, self.set_timer)
        self._view: Overview | None = None
        self._offered = False
        self._follows = False

    @property
    def follows(self) -> bool:
        """Whether the console goes to Live by itself when the first training begins."""
        return self._follows

    def compose_body(self) -> ComposeResult:
        """Chart and jobs on the left, figures on the right; one column where it is narrow."""
        yield Panel("", id="empty")
        with Vertical(id="body"):
            yield Panel("", id="counts")
            with Horizontal(id="upper"):
                yield Vertical(id="charts")
                with Vertical(id="figures"):
                    yield Panel("alive", id="alive")
                    yield Panel("last run", id="run")
                    yield Panel("closes", id="closes")
                    yield Panel("champions", id="champions")
                    yield Panel("what closes taught", id="taught")
                    yield Panel("training data", id="training")
                    yield Panel("feeds", id="feeds")
            yield Panel("jobs", id="jobs")
            yield Panel("last errors", id="troubles")

    def on_mount(self) -> None:
        """Nothing is shown before the first answer; the heartbeat is looked at while this is visible."""
        self.query_one("#empty").display = False
        self._pulse = self.set_interval(1.0, self._beat)

    def on_screen_suspend(self) -> None:
        """Whoever goes to another screen is not brought to Live any more."""
        self._pulse.pause()
        self._pace.forget()
        self._feeds_pace.forget()
        self._training_pace.forget()
        self._taught_pace.forget()
        if not isinstance(self.app.screen, ModalScreen):
            self._follows = False
        super().on_screen_suspend()

    def on_screen_resume(self) -> None:
        """Looks again."""
        self._pulse.resume()
        super().on_screen_resume()

    def refresh_data(self) -> None:
        """Asks for all of it in one read."""

        def ask(connection: sqlite3.Connection) -> Overview:
            from storage.overview import overview

            return overview(connection, columns=EQUITY_COLUMNS, troubles=8)

        self._pace.asked()
        self.query_database(ask, self._answered, failed=self._failed, doing="reading the overview")
        self._feeds_pace.want()
        self._training_pace.want()
        self._taught_pace.want()

    def _ask_feeds(self) -> None:
        """How long records take, in a question of its own: it reads many measurements."""

        def ask(connection: sqlite3.Connection) -> list[StageLatency]:
            from storage.latency import latency_figures

            return latency_figures(connection)

        def failed(error: Exception) -> None:
            self.console.report_error(error, "reading how long records take")
            self._feeds_pace.answered()

        self._feeds_pace.asked()
        self.query_database(ask, self._show_feeds, group="feeds", failed=failed)

    def _show_feeds(self, figures: list[StageLatency]) -> None:
        """The panel is there when something was measured, and always when a target is missed."""
        from tui.screens.feeds_text import feeds_text

        panel = self.query_one("#feeds", Panel)
        panel.set_class(bool(figures), "-measured")
        panel.set_class(not all(figure.is_within for figure in figures), "-missed")
        if figures:
            panel.show(feeds_text(figures, self.query_one("#alive").size.width or 50, self.console.symbols))
        self._feeds_pace.answered()

    def _ask_training(self) -> None:
        """How the collection of training data goes."""
        needed = self.console.settings.training

        def ask(connection: sqlite3.Connection) -> TrainingHealth:
            from storage.training_health import training_health

            return training_health(
                connection,
                episodes_needed=needed.min_episodes_for_cnn_training,
                experiences_needed=needed.min_experiences_for_rl_training,
            )

        def failed(error: Exception) -> None:
            self.console.report_error(error, "reading how the training data are")
            self._training_pace.answered()

        self._training_pace.asked()
        self.query_database(ask, self._show_training, group="training", failed=failed)

    def _show_training(self, health: TrainingHealth) -> None:
        """All of it where there is room, else the two lines that matter."""
        from tui.screens import training_data_text as words

        panel = self.query_one("#training", Panel)
        width = self.query_one("#alive").content_size.width or 50
        background = self.console.settings.training.enable_background_validation
        whole = self.has_class("-very-tall") and not self.has_class("-narrow")
        text = words.training_data_text if whole else words.training_data_lines
        panel.show(text(health, width, self.console.symbols, background=background))
        self._training_pace.answered()

    def _ask_taught(self) -> None:
        """What the closes have taught, in a question of its own: it reads many lessons."""

        def ask(connection: sqlite3.Connection) -> ClosesTaught:
            from storage.lessons_overview import closes_taught

            return closes_taught(connection)

        def failed(error: Exception) -> None:
            self.console.report_error(error, "reading what closes have taught")
            self._taught_pace.answered()

        self._taught_pace.asked()
        self.query_database(ask, self._show_taught, group="taught", failed=failed)

    def _show_taught(self, taught: ClosesTaught) -> None:
        """The panel is there once a close has a lesson; one line of it where there is little room."""
        from tui.screens.taught_text import taught_line, taught_text

        panel = self.query_one("#taught", Panel)
        panel.set_class(bool(taught.closes), "-taught")
        width = self.query_one("#alive").content_size.width or 50
        text = taught_line if self.has_class("-narrow") else taught_text
        panel.show(text(taught, width, self.console.symbols))
        self._taught_pace.answered()

    def on_data_changed(self) -> None:
        """Looks again, as often as it may."""
        self._pace.want()

    def _beat(self) -> None:
        """A second has passed: times and heartbeats grow old without anything being committed."""
        if self._view is not None and (self._view.running or self._view.waiting or self._view.workers):
            self._pace.want()

    def _answered(self, view: Overview) -> None:
        self.show_overview(view)
        self._pace.answered()

    def _failed(self, error: Exception) -> None:
        self.console.report_error(error, "reading the overview")
        self._pace.answered()

    def show_overview(self, view: Overview) -> None:
        """Puts what was read onto the screen."""
        from tui.screens import overview_text as words

        self._view = view
        symbols = self.console.symbols
        empty = is_empty(view)
        self.query_one("#empty").display = empty
        self.query_one("#body").display = not empty
        self.refresh_bindings()
        if empty:
            inbox = str(self.console.workspace.root)
            text = words.empty_text(inbox, symbols, read_only=self.console.read_only)
            self.query_one("#empty", Panel).show(text)
            self._offer()
            return
        self._show_equity(view)
        jobs, troubles = self.query_one("#jobs", Panel), self.query_one("#troubles", Panel)
        counts = self.query_one("#counts", Panel)
        counts.show(words.counts_text(view, counts.size.width or 78))
        self.query_one("#alive", Panel).show(words.alive_text(view, self.console.health.device, symbols))
        self.query_one("#run", Panel).show(words.run_text(view.run, symbols))
        self.query_one("#closes", Panel).show(words.closes_text(view, symbols))
        jobs.show(words.jobs_text(view, jobs.size.width or 60, symbols))
        champions = self.query_one("#champions", Panel)
        champions.show(words.champions_text(view.champions, champions.content_size.width or 52, symbols))
        troubles.show(words.troubles_text(view.troubles[:5], troubles.size.width or 80, symbols))
        self._follow(view)

    def _show_equity(self, view: Overview) -> None:
        from tui.screens.overview_text import equity_title
        from tui.widgets.chart.overlays import Level
        from tui.widgets.chart.stored import equity_series

        series = [equity_series(view.equity)] if view.equity is not None and view.equity.count else []
        start = [] if view.run is None else [Level(view.run.start_equity, "start")]
        self._equity_chart().show_curves(series, levels=start, title=equity_title(view.run))

    def _equity_chart(self) -> Chart:
        from tui.widgets.chart.chart import Chart
        from tui.widgets.chart.group import ChartGroup

        for chart in self.query("#equity").results(Chart):
            return chart
        chart = Chart("equity", time=True, id="equity", empty="no run yet", footnote=False)
        self.query_one("#charts").mount(ChartGroup(chart))
        if self.focused is None:
            chart.call_after_refresh(chart.focus)  # once it is mounted: before that it cannot be focused
        return chart

    def _follow(self, view: Overview) -> None:
        if self._follows and view.counts.sessions and self.console.screen is self:
            self._follows = False
            self.console.action_show_screen("live")

    def _offer(self) -> None:
        if self._offered or self.console.read_only or self.console.screen is not self:
            return
        from tui.screens.offer import OfferDialog

        self._offered = True
        self.console.push_screen(
            OfferDialog(self.console.settings.console.offer_seconds), self._offer_answered
        )

    def _offer_answered(self, accepted: bool | None) -> None:
        if accepted:
            self.action_fill()

    def action_fill(self) -> None:
        """Queues the filling of the workspace and makes sure that somebody does it."""
        from tui import launch

        workspace = self.console.workspace

        def fill(connection: sqlite3.Connection) -> None:
            launch.queue_bootstrap(connection)
            launch.ensure_worker(workspace)

        self._follows = True
        self.change_database(fill, doing="starting to fill the workspace")

    def action_live(self) -> None:
        """Goes to the curves."""
        self.console.action_show_screen("live")

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """The workspace is filled once."""
        if action == "fill" and self._view is not None and not is_empty(self._view):
            return "the workspace is not empty"
        return super().why_not(action, parameters)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key that fills is shown while there is something to fill."""
        if action == "fill" and (self._view is None or not is_empty(self._view)):
            return False
        return super().check_action(action, parameters)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done here."""
        if self._view is not None and is_empty(self._view):
            yield "Fill the workspace", "Import the bundled candles, backtest, train", self.action_fill
        yield "Go to live curves", "What is being trained now", self.action_live


def is_empty(view: Overview) -> bool:
    """Whether nothing has been stored or asked for."""
    counts = view.counts
    stored = counts.bars or counts.signals or counts.sessions or counts.artifacts
    return not stored and view.run is None and not view.running and not view.waiting and not view.troubles
