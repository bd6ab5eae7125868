"""Any step of any session: what was lost at it, what each layer learned, and whether it can be rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll

from tui.clipboard import copy_text
from tui.keys import key
from tui.pace import Pace
from tui.screens.base import ConsoleScreen
from tui.step_question import StepQuestion
from tui.widgets.chart.chart import Chart
from tui.widgets.go_to_line import GoToInput, GoToLine
from tui.widgets.panel import Panel
from tui.widgets.step_answer import StepAnswerPanel
from tui.widgets.step_list import StepCurve, StepList
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    import sqlite3

    from cointrader.training.replaying.request import ReplayRequest
    from storage.steps import StepRow
    from tui.screens.step_read import StepReader, StepWindow

MARGIN = 50
"""Steps that are kept in memory beyond the one that is shown, before others are read."""


class StepBrowserScreen(ConsoleScreen):
    """Lies over the list of sessions or a replay; one step is shown, and the steps around it."""

    ID: ClassVar[str] = "train"
    CSS_PATH = "step_browser.tcss"
    HELP: ClassVar[str] = (
        "Every step of a training: its loss and the parts of it, the learning rate, the norm of each "
        "layer's gradient, the rows of the dataset that it was made from, and the digests of the gradient "
        "and of the weights after it. The cursor in the curve is the step. Where gradients are kept, r "
        "rebuilds the weights after the step from the snapshot before it and compares their digest with the "
        "one that was recorded; v computes the gradient again from weights, batch and seed. Both work in a "
        "process of their own, with the answer below."
    )
    help_title: ClassVar[str] = "Steps"
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"ask_of_step", "again"})
    KEY_WIDGETS = (StepCurve, GoToInput)
    AUTO_FOCUS = "StepList"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("steps.next", "down,right,j,l", "move(1)", "next", "The next step"),
        key("steps.previous", "up,left,k,h", "move(-1)", "before", "The step before"),
        key("steps.page_down", "pagedown", "page(1.0)", "page on", "As many steps on as are listed"),
        key("steps.page_up", "pageup", "page(-1.0)", "page back", "As many steps back as are listed"),
        key("steps.half_down", "ctrl+d", "page(0.5)", "half a page on", "Half as many steps on"),
        key("steps.half_up", "ctrl+u", "page(-0.5)", "half a page back", "Half as many steps back"),
        key("steps.first", "home", "end(0)", "first", "The first step"),
        key("steps.last", "G,end", "end(1)", "last", "The last step"),
        key("steps.go_to", "g", "go_to", "go to", "Go to a step by its number", show=True),
        key("steps.rebuild", "r", "ask_of_step('rebuild')", "rebuild", "Rebuild this step", show=True),
        key("steps.verify", "v", "ask_of_step('verify')", "verify", "Compute its gradient again", show=True),
        key("steps.batch", "b", "batch", "batch", "All rows of its batch", show=True),
        key("steps.curves", "w", "curves", "curves", "The curves of the session in Live", show=True),
        key("steps.again", "p", "again", "replay", "Open the form of replays at this session", show=True),
        key("steps.copy", "y", "copy", "copy", "Copy the step as text", show=True),
        key("steps.close", "q", "back", "back", "Go back"),
    ]

    def __init__(self, session_id: int, step: int | None = None, *, over: str = "train") -> None:
        super().__init__()
        self._session_id = session_id
        self._step = step
        self._over = over
        self._pace = Pace(self.refresh_data, self.set_timer)
        self._reader: StepReader | None = None
        self._window: StepWindow | None = None
        self._shown: StepRow | None = None
        self._top = 0

    @property
    def header_id(self) -> str:
        """The screen that is marked in the header."""
        return self._over

    @property
    def row(self) -> StepRow | None:
        """The step that is shown."""
        return self._shown

    @property
    def answers(self) -> StepAnswerPanel:
        """Where the step is asked about."""
        return self.query_one(StepAnswerPanel)

    def compose_body(self) -> ComposeResult:
        """The steps on the left, the one that is shown on the right, the curve below."""
        yield TitleLine("Steps", id="title")
        yield GoToLine("step", id="go-to")
        with Horizontal(id="content"):
            yield StepList("steps", id="steps")
            with Vertical(id="detail"):
                yield Panel("step", id="facts")
                with VerticalScroll(id="layers"):
                    yield Panel("gradient norm by layer", id="norms")
                yield StepAnswerPanel("rebuild and verify", id="answer")
        yield StepCurve("loss of the session", x_unit="step", footnote=False, id="curve")

    # Reading

    def refresh_data(self) -> None:
        """Asks for the steps around the one that is wanted."""
        session_id, step = self._session_id, self._step

        def ask(connection: sqlite3.Connection) -> StepWindow:
            if self._reader is None:
                from tui.screens.step_read import StepReader

                self._reader = StepReader()
            return self._reader.read(connection, session_id, step)

        self._pace.asked()
        self.query_database(
            ask, self._arrived, failed=self._failed, doing=f"reading the steps of session {session_id}"
        )

    def on_data_changed(self) -> None:
        """A training that runs adds steps."""
        self._pace.want()

    def on_screen_suspend(self) -> None:
        """No answer comes while another screen is in front."""
        self._pace.forget()
        super().on_screen_suspend()

    def _failed(self, error: Exception) -> None:
        self.console.report_error(error, f"reading the steps of session {self._session_id}")
        self._pace.answered()

    def _arrived(self, window: StepWindow) -> None:
        self._window = window
        if self._step is None and window.range is not None:
            self._step = window.range.last
        self._show()
        self._pace.answered()

    # Showing

    def go_to(self, step: int) -> None:
        """Shows a step: at once where it is in memory, else as soon as it is read."""
        window = self._window
        if window is None or window.range is None:
            return
        self._step = max(window.range.first, min(step, window.range.last))
        self._show()
        if not window.holds(self._step, MARGIN):
            self.refresh_data()

    def _show(self) -> None:
        window = self._window
        if window is None:
            return
        place = None if self._step is None else window.place(self._step)
        row = None if place is None else window.steps[place]
        if row is not None and (self._shown is None or row.id != self._shown.id):
            self.answers.drop()
        self._shown = row
        self._say_title(window)
        self._show_curve(window)
        if row is None or place is None:
            self._show_nothing(window)
        else:
            self._show_step(window, place)
        self.answers.offer(self.why_not("ask_of_step", ()) if row is not None else "")
        self.refresh_bindings()

    def _say_title(self, window: StepWindow) -> None:
        from tui.journal_text import budget_words, kept_short

        session, journal, dot = window.session, window.journal, self.console.symbols.middle
        known = f"{dot} {window.range.first:,} to {window.range.last:,}" if window.range is not None else ""
        at = f"step {self._step:,} {known}" if self._step is not None else ""
        bytes_used = budget_words(journal) if journal is not None and journal.mode == "full" else ""
        self.query_one("#title", TitleLine).say(
            [(f"{session.agent} {dot} {session.state}", "$foreground"), (at, "$accent")],
            [kept_short(journal), (bytes_used if self.size.width >= 100 else "", "$quiet")],
            title=f"Steps of s.{session.id}",
        )

    def _show_nothing(self, window: StepWindow) -> None:
        from tui.screens.step_text import wrapped

        symbols, panel = self.console.symbols, self.query_one("#facts", Panel)
        if window.range is not None:
            text, style = f"reading{symbols.ellipsis}", "$quiet"
        elif window.journal is None:
            text = "No step of this session was kept: its training was not journalled ([journal] mode = off)."
            style = "$warning"
        else:
            text, style = "No step is on the disk yet; the first ones come with the first shard.", "$quiet"
        panel.show(wrapped(text, style, panel.content_size.width - 1, symbols), title="step")
        self.query_one("#norms", Panel).show(wrapped("", "", 40, symbols))

    def _show_step(self, window: StepWindow, place: int) -> None:
        from storage.steps import batch_of, norms_of
        from tui.screens import step_text as words

        symbols, row = self.console.symbols, window.steps[place]
        steps = self.query_one(StepList)
        width = steps.content_size.width or 40
        text, self._top = words.list_text(window.steps, row.step, steps.room, width, symbols)
        steps.show(text)
        facts = self.query_one("#facts", Panel)
        before = window.steps[place - 1] if place else None
        width = (facts.content_size.width or 76) - 1
        tall = self.size.height >= 36
        facts.show(
            words.facts_text(row, before, batch_of(row), width, symbols, tall=tall),
            title=f"step {row.step:,}",
        )
        norms = self.query_one("#norms", Panel)
        if window.journal is not None:
            width = (norms.content_size.width or 76) - 1
            norms.show(words.norms_text(norms_of(row, window.journal), width, symbols))

    def _show_curve(self, window: StepWindow) -> None:
        from tui.screens.step_read import LOSS
        from tui.widgets.chart.stored import metric_series

        curve = self.query_one(StepCurve)
        total = window.session.total_steps
        span = (0.0, float(max(total, window.loss.last_step or 0))) if window.loss.steps else None
        series = [metric_series(window.loss, LOSS)] if window.loss.steps else []
        curve.show_curves(series, span=span, empty="no loss was logged")
        curve.crosshair = None if self._step is None else float(self._step)

    def on_resize(self) -> None:
        """More or fewer steps fit."""
        self.call_after_refresh(self._show)

    # Moving

    def action_move(self, by: int) -> None:
        """A step on or back; steps that are missing are passed over."""
        window = self._window
        place = None if window is None or self._step is None else window.place(self._step)
        if window is not None and place is not None and 0 <= place + by < len(window.steps):
            self.go_to(window.steps[place + by].step)

    def action_page(self, pages: float) -> None:
        """As many steps as are listed, or a part of them."""
        if self._step is not None:
            self.go_to(self._step + round(self.query_one(StepList).room * pages))

    def action_end(self, side: int) -> None:
        """The first (0) or the last (1) step."""
        if self._window is not None and self._window.range is not None:
            self.go_to(self._window.range.last if side else self._window.range.first)

    def action_go_to(self) -> None:
        """Opens the line in which a number is written."""
        if self._window is not None and self._window.range is not None:
            self.query_one(GoToLine).open(self._window.range.first, self._window.range.last)

    @on(GoToLine.GoTo)
    def number_written(self, message: GoToLine.GoTo) -> None:
        """To the step of that number."""
        message.stop()
        self.query_one(StepList).focus()
        if message.number is not None:
            self.go_to(message.number)

    @on(StepList.Clicked)
    def line_clicked(self, message: StepList.Clicked) -> None:
        """To the step of that line."""
        message.stop()
        at = self._top + message.line
        if self._window is not None and at < len(self._window.steps):
            self.go_to(self._window.steps[at].step)

    @on(StepList.Scrolled)
    def scrolled(self, message: StepList.Scrolled) -> None:
        """The wheel moves step by step."""
        message.stop()
        self.action_move(message.by)

    @on(Chart.Pointed)
    def pointed(self, message: Chart.Pointed) -> None:
        """To the step at the crosshair."""
        message.stop()
        if message.x is not None:
            self.go_to(round(message.x))

    @on(Chart.Zoomed)
    def zoomed(self, message: Chart.Zoomed) -> None:
        """Only one chart to zoom."""
        message.stop()

    # Asking about a step

    def _cannot_rebuild(self) -> str:
        row = self._shown
        if row is None:
            return "no step is shown"
        if row.kept == "digest":
            return "no gradient of this step was kept, only digests"
        return "its gradient was pruned to make room for others" if row.kept == "pruned" else ""

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """What cannot be done now."""
        no_steps = self._window is None or self._window.range is None
        if action in {"move", "page", "end", "go_to", "batch", "copy"} and no_steps:
            return "no step of this session was kept"
        if action == "ask_of_step":
            # Those that are never possible here are said before what the console may not do.
            return self._cannot_rebuild() or super().why_not(action, parameters)
        return super().why_not(action, parameters)

    def action_ask_of_step(self, verb: str) -> None:
        """Rebuilds or verifies the step that is shown, in a process of its own."""
        if self._shown is not None:
            workspace, step = self.console.workspace, self._shown.step
            self.answers.ask(StepQuestion(workspace, verb, self._session_id, step))

    def action_back(self) -> None:
        """Stops what is being asked, else goes back."""
        if self.answers.is_asking:
            self.answers.drop()
            self.answers.say()
        else:
            super().action_back()

    # What else

    def action_batch(self) -> None:
        """All rows of the batch."""
        from storage.steps import batch_of
        from tui.dialogs.cell import CellDialog

        if self._shown is not None:
            text = ", ".join(str(number) for number in batch_of(self._shown))
            self.console.push_screen(CellDialog(f"batch of step {self._shown.step:,}", text, text))

    def action_curves(self) -> None:
        """The curves of the session."""
        self.show_curves([self._session_id])

    def action_again(self) -> None:
        """The form of replays, at this session and from this step on."""
        from tui.screens.replay_form import ReplayForm

        self.console.push_screen(ReplayForm("session", session=self._session_id), self._start)

    def _start(self, request: ReplayRequest | None) -> None:
        from tui.launch import start_replay

        if request is not None:
            start_replay(self, request)

    def action_copy(self) -> None:
        """Copies what is shown of the step."""
        panels = [self.query_one(f"#{id}", Panel).text for id in ("facts", "norms", "answer")]
        head = f"session {self._session_id}, step {self._step}"
        copy_text(self.app, "\n".join([head, *panels]), self.console.workspace.root)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Where one may want to go."""
        window = self._window
        if window is None or not window.steps:
            return
        known = [row for row in window.steps if row.loss is not None]
        if known:
            worst = max(known, key=lambda row: row.loss or 0.0)
            yield (
                "Go to the highest loss around here",
                f"step {worst.step:,}",
                partial(self.go_to, worst.step),
            )
        steepest = [row for row in window.steps if row.gradient_norm is not None]
        if steepest:
            row = max(steepest, key=lambda row: row.gradient_norm or 0.0)
            yield (
                "Go to the steepest gradient around here",
                f"step {row.step:,}",
                partial(self.go_to, row.step),
            )
