"""The running bot as its files tell it: what it does, why it does not trade, whether its model is loaded."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.pace import Pace
from tui.screens.base import ConsoleScreen
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    from storage.bot import BotState, Finding
    from storage.bot.events import Said

WIDE = 100
"""From this width on the title says what was read."""

REJECTIONS = 30
"""So many of the newest candidates that came to nothing are read."""

BEAT_SECONDS = 5.0
"""How often what is said of ages is written anew; what the bot writes is shown as it comes."""


@dataclass(frozen=True)
class BotView:
    """What one read brought; `rejected` are the newest candidates that came to nothing."""

    state: BotState
    rejected: tuple[Said, ...]


class BotScreen(ConsoleScreen):
    """What it does beside its model and bootstrap; below, why it does not trade."""

    ID: ClassVar[str] = "bot"
    CSS_PATH = "bot.tcss"
    HELP: ClassVar[str] = (
        "The bot's own folder, read while it runs. Why nothing was traded: two reasons are not in its log "
        "and come first. The silent gate: its execution drops candidates whose score is below the top-level "
        "min_score_to_trade without a word. The early return: with short selling off, the first short "
        "candidate ends the execution of the whole cycle. The others are the bot's own words.\n"
        "Its model: only a line that says what was loaded is a proof; predictions are written by its "
        "placeholder too. enter shows the meaning of a reason, w what the bot wrote."
    )
    KEY_WIDGETS = (RecordList,)
    OPENS = LazyClasses("tui.screens.bot_events:BotEventsScreen")
    AUTO_FOCUS = "#findings"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("bot.events", "w", "events", "what it wrote", "Everything that was read of its logs", show=True),
        key(
            "bot.cases",
            "c",
            "cases",
            "cases",
            "What the bot wrote about the reason under the cursor",
            show=True,
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self.refresh_data, self.set_timer)
        self._view: BotView | None = None

    def compose_body(self) -> ComposeResult:
        """Title; doing, model, bootstrap; why with its reasons."""
        yield TitleLine("Bot", id="title")
        yield Panel("", id="empty")
        with Vertical(id="body"):
            with Horizontal(id="upper"):
                yield Panel("doing", id="doing")
                with Vertical(id="side"):
                    yield Panel("model", id="model")
                    yield Panel("bootstrap", id="bootstrap")
            yield Panel("why nothing was traded", id="why")
            yield RecordList("reasons", id="findings")
            yield Panel("rejected last", id="rejected")

    def on_mount(self) -> None:
        """Nothing is shown before the first answer; ages grow while this is visible."""
        self.query_one("#empty").display = False
        self.query_one("#body").display = False
        self._pulse = self.set_interval(BEAT_SECONDS, self._pace.want)

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        self._pulse.pause()
        self._pace.forget()
        super().on_screen_suspend()

    def on_screen_resume(self) -> None:
        """Looks again."""
        self._pulse.resume()
        super().on_screen_resume()

    def on_data_changed(self) -> None:
        """Looks again, as often as it may."""
        self._pace.want()

    def refresh_data(self) -> None:
        """Asks for all answers in one read."""
        min_cooldown = self.console.settings.bot.min_cooldown

        def ask(connection: sqlite3.Connection) -> BotView:
            from storage.bot import bot_state
            from storage.bot.events import newest

            state = bot_state(connection, min_cooldown_s=min_cooldown)
            return BotView(state, tuple(newest(connection, "reject", limit=REJECTIONS)))

        self._pace.asked()
        self.query_database(ask, self._answered, failed=self._failed, doing="reading what the bot wrote")

    def _answered(self, view: BotView) -> None:
        self.show_view(view)
        self._pace.answered()

    def _failed(self, error: Exception) -> None:
        self.console.report_error(error, "reading what the bot wrote")
        self._pace.answered()

    def show_view(self, view: BotView) -> None:
        """Puts what was read onto the screen."""
        from tui.screens import bot_text as words

        self._view, state = view, view.state
        bot, symbols = self.console.settings.bot, self.console.symbols
        is_empty = state.files.count == 0
        self.query_one("#empty").display = is_empty
        self.query_one("#body").display = not is_empty
        self.refresh_bindings()
        title = self.query_one("#title", TitleLine)
        if is_empty:
            title.say([("nothing was read yet" if bot.folder else "not configured", "$quiet")])
            config = str(self.console.workspace.config)
            text = words.empty_text(config, symbols, folder=bot.folder, watch=bot.watch)
            self.query_one("#empty", Panel).show(text)
            return
        read = words.files_text(state) if self.size.width >= WIDE else ""
        title.say(words.title_parts(state, bot.folder, symbols), [(read, "$quiet")])
        doing, bootstrap = self.query_one("#doing", Panel), self.query_one("#bootstrap", Panel)
        doing.show(words.doing_text(state, self._width(doing), symbols))
        self.query_one("#model", Panel).show(words.model_text(state.model, symbols))
        bootstrap.show(words.bootstrap_text(state.bootstrap, self._width(bootstrap), symbols))
        self.query_one("#why", Panel).show(words.why_text(state.why, symbols))
        findings = self.query_one("#findings", RecordList)
        width = self._width(findings)
        findings.show(
            words.findings_head(width, symbols),
            [words.finding_record(finding, width, symbols) for finding in state.why.findings],
            empty="no reason was given and none was found",
        )
        rejected = self.query_one("#rejected", Panel)
        rejected.show(words.rejected_text(view.rejected, self._width(rejected), symbols))

    def _width(self, widget: Panel | RecordList) -> int:
        return widget.content_size.width or self.size.width or 78

    def on_resize(self) -> None:
        """Lines are cut where the width ends."""
        if self._view is not None:
            self.call_after_refresh(self.show_view, self._view)

    @property
    def finding(self) -> Finding | None:
        """The reason under the cursor."""
        current = self.query_one("#findings", RecordList).current
        found = self._view.state.why.findings if self._view is not None else ()
        return next((finding for finding in found if finding.code == current), None)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """There is not always something to look at."""
        if action == "events" and (self._view is None or not self._view.state.files.count):
            return "nothing was read of the bot yet"
        if action == "cases" and self.finding is None:
            return "no reason is chosen"
        return super().why_not(action, parameters)

    @on(RecordList.Moved, "#findings")
    def another_reason(self, message: RecordList.Moved) -> None:
        """What is possible follows the cursor."""
        message.stop()
        self.refresh_bindings()

    @on(RecordList.Chosen, "#findings")
    def explain(self, message: RecordList.Chosen) -> None:
        """What a reason means, in full."""
        from tui.dialogs.cell import CellDialog

        message.stop()
        finding = self.finding
        if finding is not None:
            touched = f"\n\nSymbols: {', '.join(finding.symbols)}" if finding.symbols else ""
            label = finding.code.replace("_", " ")
            self.console.push_screen(CellDialog(label, None, f"{finding.text}{touched}"))

    def action_events(self) -> None:
        """Everything that the bot wrote."""
        from tui.screens.bot_events import BotEventsScreen

        self.console.push_screen(BotEventsScreen())

    def action_cases(self) -> None:
        """What it wrote about one reason."""
        from tui.screens.bot_events import BotEventsScreen, filter_of

        finding = self.finding
        if finding is not None:
            self.console.push_screen(BotEventsScreen(filter_of(finding.code)))

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The reasons, by name."""
        from tui.screens.bot_events import BotEventsScreen, filter_of

        def opener(wanted: str) -> None:
            self.console.push_screen(BotEventsScreen(wanted))

        for finding in self._view.state.why.findings if self._view is not None else ():
            title = f"What the bot wrote about {finding.code.replace('_', ' ')}"
            yield title, finding.text, partial(opener, filter_of(finding.code))
