"""The form that starts a paper run: where bars come from, what is traded, by which strategies, since when.

What it allows depends on what is stored, which is read when it opens; a run that could not begin is refused
at the field that is to blame, before it is queued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from storage.paper_runs import INBOX, PLAYBACK, PaperPlan
from tui.dialogs.base import Dialog
from tui.keys import key
from tui.reader import Asker
from tui.screens.paper_plan import (
    MOST_BARS,
    USUAL,
    CheckedPlan,
    PlanTexts,
    check_texts,
    timeframe_choices,
)
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.form_field import FormField, TextField, WordField
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    import sqlite3

    from storage.data_overview import SeriesRow
    from tui.app import CoinTraderApp

DEFAULT_SPEED = "600"
"""Five minutes of candles twice a second: a day in some minutes."""


class PaperForm(Dialog[PaperPlan | None]):
    """Defaults that can be sent as they are; `enter` sends, `escape` closes."""

    CSS_PATH = "paper_form.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    KEY_WIDGETS = (ChoiceLine,)
    BINDINGS: ClassVar[list[BindingType]] = [
        key("paper_form.start", "enter,ctrl+s", "start", "start", "Start the run", show=True, priority=True),
        key("paper_form.close", "escape", "close", "close", "Close without starting", show=True),
        key("paper_form.next", "down,tab", "step(1)", "next", "To the next field", priority=True, show=True),
        key(
            "paper_form.previous", "up,shift+tab", "step(-1)", "before", "To the field before", priority=True
        ),
    ]

    def __init__(self, source: str = INBOX) -> None:
        super().__init__()
        self._source = WordField("source", (INBOX, PLAYBACK), source)
        self._speed = TextField("speed", DEFAULT_SPEED)
        self._symbols = TextField("symbols", placeholder="every stored symbol")
        self._timeframe = WordField("timeframe", (MOST_BARS, *USUAL))
        self._strategies = TextField("strategies", placeholder="every strategy")
        self._params = TextField("params", placeholder="as they are")
        self._since = TextField("since")
        self._stored: tuple[SeriesRow, ...] | None = None
        self._is_sent = False
        self._asker: Asker | None = None

    @property
    def console(self) -> CoinTraderApp:
        """The application, with its own type."""
        return cast("CoinTraderApp", self.app)

    @property
    def _fields(self) -> tuple[FormField, ...]:
        return (
            *(self._source, self._speed, self._symbols, self._timeframe),
            *(self._strategies, self._params, self._since),
        )

    def title_text(self) -> str:
        """What it is."""
        return "Paper trading"

    def body(self) -> list[Widget]:
        """The fields, and what they come to."""
        return [Vertical(*self._fields, id="fields"), Panel("", id="meaning")]

    def on_mount(self) -> None:
        """Starts at the source; what is stored is read meanwhile."""
        self._source.line.focus()
        self._say()
        self._asker = Asker(self, self.console.gate)

        def ask(connection: sqlite3.Connection) -> tuple[SeriesRow, ...]:
            from storage.data_overview import stored_series

            return stored_series(connection)

        self._asker.ask(
            ask,
            self._read,
            failed=lambda error: self.console.report_error(error, "reading which candles are stored"),
        )

    def _read(self, stored: tuple[SeriesRow, ...]) -> None:
        self._stored = stored
        self._timeframe.line.choose_from(timeframe_choices(stored))
        self._say()
        if self._is_sent:
            self.action_start()

    @on(ChoiceLine.Changed)
    def turned(self, message: ChoiceLine.Changed) -> None:
        """Another source asks for other fields."""
        message.stop()
        self._say()

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Checked while it is typed."""
        message.stop()
        self._say()

    @property
    def texts(self) -> PlanTexts:
        """What stands in the fields."""
        return PlanTexts(**{field.named: field.value for field in self._fields})

    def checked(self) -> CheckedPlan:
        """The plan that the fields ask for, and what is wrong with them."""
        return check_texts(self.texts, self._stored or ())

    def _say(self) -> None:
        from tui.screens.paper_plan_text import field_words, plan_text

        self._speed.display = self._source.value == PLAYBACK
        if self._stored is None:
            return
        checked, texts = self.checked(), self.texts
        for field in self._fields:
            field.say(field_words(field.named, texts), checked.problems.get(field.named, ""))
        panel = self.query_one("#meaning", Panel)
        width = panel.content_size.width or 78
        panel.show(plan_text(checked, texts, width, self.console.symbols))

    def action_step(self, by: int) -> None:
        """To another field."""
        places = [field.entry for field in self._fields if field.display]
        at = places.index(self.focused) if self.focused in places else 0
        places[(at + by) % len(places)].focus()

    def action_start(self) -> None:
        """Sends the form, or goes to the first field that is wrong."""
        self._is_sent = self._stored is None
        if self._is_sent:
            return
        checked = self.checked()
        if checked.plan is None:
            wrong = next(field for field in self._fields if field.named in checked.problems)
            wrong.entry.focus()
            self.notify(
                f"{wrong.named}: {checked.problems[wrong.named]}",
                title="Not started",
                severity="error",
                markup=False,
            )
            return
        self.dismiss(checked.plan)

    def action_close(self) -> None:
        """Closes without starting anything."""
        self.dismiss(None)

    def on_unmount(self) -> None:
        """Closes the connection."""
        if self._asker is not None:
            self._asker.close()
