"""The form of an order by hand: what, which side, how large. The run decides on it by its own limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from tui.dialogs.base import Dialog
from tui.keys import key
from tui.reader import Asker
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.form_field import FormField, TextField, WordField
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from storage.paper_runs import PaperRunRow
    from storage.runs import RunRow
    from tui.app import CoinTraderApp

BUY, SELL = "buy", "sell"
RULE, NOTIONAL, QUANTITY = "the run's rule", "notional", "quantity"


@dataclass(frozen=True)
class OrderWish:
    """What the form was sent with; without notional and quantity the size rule of the run counts."""

    run_id: int
    symbol: str
    side: str
    notional: float | None = None
    quantity: float | None = None


def amount_of(text: str) -> tuple[float, str]:
    """The number in a text, and why it cannot be the size of an order; "" where it can.

    A comma is refused: where decimals are written with one, 0,5 would be ten times what was meant.
    """
    if "," in text:
        return 0.0, "must be a number such as 1500.5, without a comma"
    try:
        value = float(text)
    except ValueError:
        return 0.0, "must be a number above 0"
    if not (math.isfinite(value) and value > 0.0):
        return 0.0, "must be a number above 0"
    return value, ""


class OrderForm(Dialog[OrderWish | None]):
    """Arrows turn the choices over; `enter` gives the order, `escape` closes."""

    CSS_PATH = "order_form.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    KEY_WIDGETS = (ChoiceLine,)
    BINDINGS: ClassVar[list[BindingType]] = [
        key("order_form.send", "enter,ctrl+s", "send", "order", "Give the order", show=True, priority=True),
        key("order_form.close", "escape", "close", "close", "Close without an order", show=True),
        key("order_form.next", "down,tab", "step(1)", "next", "To the next field", priority=True, show=True),
        key(
            "order_form.previous", "up,shift+tab", "step(-1)", "before", "To the field before", priority=True
        ),
    ]

    def __init__(self, runs: Sequence[PaperRunRow], *, symbol: str = "") -> None:
        """`runs` are those that go on, at least one; `symbol` is the one that the form begins with."""
        super().__init__()
        self._runs = {str(run.run_id): run for run in runs}
        first = next((run for run in runs if symbol in run.symbols), runs[0])
        self._run = WordField("run", tuple(self._runs), str(first.run_id))
        self._symbol = WordField("symbol", first.symbols, symbol)
        self._side = WordField("side", (BUY, SELL))
        self._sizing = WordField("size", (RULE, NOTIONAL, QUANTITY))
        self._amount = TextField("amount")
        self._facts: dict[int, RunRow] = {}
        self._asker: Asker | None = None

    @property
    def console(self) -> CoinTraderApp:
        """The application, with its own type."""
        return cast("CoinTraderApp", self.app)

    @property
    def run(self) -> PaperRunRow:
        """The chosen run."""
        return self._runs[self._run.value]

    def title_text(self) -> str:
        """What it is."""
        return "Order by hand"

    def body(self) -> list[Widget]:
        """The fields, and what they come to."""
        fields = (self._run, self._symbol, self._side, self._sizing, self._amount)
        return [Vertical(*fields, id="fields"), Panel("", id="meaning")]

    def on_mount(self) -> None:
        """Starts at the symbol; the run is asked for where there are several."""
        self._run.display = len(self._runs) > 1
        self._symbol.line.focus()
        self._say()
        self._ask()

    @on(ChoiceLine.Changed)
    def turned(self, message: ChoiceLine.Changed) -> None:
        """Another run trades other symbols, another size asks for another amount."""
        message.stop()
        if message.line is self._run.line:
            self._symbol.line.choose_from(self.run.symbols)
            self._ask()
        if message.line is self._sizing.line and self._sizing.value == RULE:
            self._amount.input.value = ""
        self._say()

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Checked while it is typed."""
        message.stop()
        self._say()

    def _ask(self) -> None:
        """What the account of the run allows is read while the form is filled."""
        if self._asker is None:
            self._asker = Asker(self, self.console.gate)
        number = self.run.run_id

        def ask(connection: sqlite3.Connection) -> RunRow | None:
            from storage.runs import get_run

            return get_run(connection, number)

        def answered(found: RunRow | None) -> None:
            if found is not None:
                self._facts[number] = found
            self._say()

        self._asker.ask(
            ask, answered, failed=lambda error: self.console.report_error(error, "reading a paper run")
        )

    def _say(self) -> None:
        from tui.screens.order_text import meaning_text, size_words

        self._amount.display = self._sizing.value != RULE
        self._side.say("long: it gains when the price rises" if self._side.value == BUY else "short")
        self._run.say(f"{self.run.state}, {self.run.source}")
        run = self._facts.get(self.run.run_id)
        self._sizing.say(size_words(self._sizing.value, self._symbol.value, run))
        problem = self._amount_problem()
        self._amount.say("", problem if self._amount.value else "")
        panel = self.query_one("#meaning", Panel)
        panel.show(
            meaning_text(
                self.run,
                run,
                self._symbol.value,
                None if problem else self.wish(),
                panel.content_size.width or 64,
                self.console.symbols,
            )
        )

    def _amount_problem(self) -> str:
        return "" if self._sizing.value == RULE else amount_of(self._amount.value)[1]

    def wish(self) -> OrderWish:
        """The order as the fields say it."""
        size = self._sizing.value
        amount = None if size == RULE else amount_of(self._amount.value)[0]
        return OrderWish(
            self.run.run_id,
            self._symbol.value,
            "long" if self._side.value == BUY else "short",
            notional=amount if size == NOTIONAL else None,
            quantity=amount if size == QUANTITY else None,
        )

    def action_step(self, by: int) -> None:
        """To another field."""
        fields: list[FormField] = [self._run, self._symbol, self._side, self._sizing, self._amount]
        places = [field.entry for field in fields if field.display]
        at = places.index(self.focused) if self.focused in places else 0
        places[(at + by) % len(places)].focus()

    def action_send(self) -> None:
        """Gives the order, or says at its field what is wrong."""
        problem = self._amount_problem()
        if problem:
            self._amount.say("", problem)
            self._amount.input.focus()
            return
        self.dismiss(self.wish())

    def action_close(self) -> None:
        """Closes without an order."""
        self.dismiss(None)

    def on_unmount(self) -> None:
        """Closes the connection."""
        if self._asker is not None:
            self._asker.close()
