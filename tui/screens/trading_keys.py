"""Orders by hand, wherever there is something to trade: `b` opens one, `x` closes one, `A` closes all.

Each key is possible while a paper run goes on, and says why where it is not. Whoever closes is asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from tui import paper_asking
from tui.keys import key
from tui.pace import Pace
from tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    import sqlite3

    from storage.paper_desk import OpenPosition, Trading
    from storage.paper_runs import PaperRunRow
    from tui.dialogs.confirm import ConfirmDialog
    from tui.screens.order_form import OrderWish


def ordered_in(run: PaperRunRow) -> int:
    """How many orders of a run are not filled yet."""
    from storage.paper_desk import ordered_signals

    return len(ordered_signals(run))


class OrderKey(ConsoleScreen):
    """A screen from which an order by hand can be given; it knows which runs go on."""

    NO_RUN: ClassVar[str] = "no paper run goes on; P starts one"
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"order"})
    BINDINGS: ClassVar[list[BindingType]] = [
        key("paper.order", "b", "order", "order", "Order a position by hand in a paper run", show=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._trading: Trading | None = None
        self._trading_pace = Pace(self.ask_trading, self.set_timer)

    @property
    def trading(self) -> Trading | None:
        """What goes on and what is held; None before the first answer."""
        return self._trading

    def refresh_data(self) -> None:
        """Also the runs that go on."""
        super().refresh_data()
        self._trading_pace.want()

    def on_data_changed(self) -> None:
        """A run may have begun or ended."""
        super().on_data_changed()
        self._trading_pace.want()

    def on_screen_suspend(self) -> None:
        """No answer comes while another screen is in front."""
        self._trading_pace.forget()
        super().on_screen_suspend()

    def ask_trading(self) -> None:
        """Asks which runs go on, and what is held."""

        def ask(connection: sqlite3.Connection) -> Trading:
            from storage.paper_desk import read_trading

            return read_trading(connection)

        def failed(error: Exception) -> None:
            self.console.report_error(error, "reading the paper runs")
            self._trading_pace.answered()

        self._trading_pace.asked()
        self.query_database(ask, self._trading_read, group="trading", failed=failed)

    def _trading_read(self, trading: Trading) -> None:
        self._trading = trading
        self.show_trading(trading)
        self.refresh_bindings()
        self._trading_pace.answered()

    def show_trading(self, trading: Trading) -> None:
        """What is held has changed."""

    @property
    def runs_to_order(self) -> tuple[PaperRunRow, ...]:
        """The runs that take orders, the likeliest first."""
        trading = self.trading
        return () if trading is None else tuple(run for run in trading.runs if run.state != "stopping")

    def symbol_at_cursor(self) -> str:
        """The symbol that the form begins with; "" for any."""
        return ""

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """An order needs a run."""
        reason = super().why_not(action, parameters)
        if action == "order" and not reason and not self.runs_to_order:
            return self.NO_RUN
        return reason

    def action_order(self) -> None:
        """Opens the form of an order."""
        from tui.screens.order_form import OrderForm

        if not self.why_not("order", ()):
            form = OrderForm(self.runs_to_order, symbol=self.symbol_at_cursor())
            self.console.push_screen(form, self.give_order)

    def give_order(self, wish: OrderWish | None) -> None:
        """Gives the order that the form was sent with."""
        if wish is None:
            return

        def ask(connection: sqlite3.Connection) -> int:
            from storage.order_requests import ask_open

            return ask_open(
                connection,
                wish.symbol,
                wish.side,
                notional=wish.notional,
                quantity=wish.quantity,
                run_id=wish.run_id,
            )

        paper_asking.order(self, ask, doing=f"ordering {wish.symbol}", run=self.run_of(wish.run_id))

    def run_of(self, run_id: int) -> PaperRunRow | None:
        """A run that takes orders, by its number."""
        return next((run for run in self.runs_to_order if run.run_id == run_id), None)


class ClosingKeys(OrderKey):
    """A screen that shows what is held, and closes it."""

    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"order", "close_position", "close_all"})
    BINDINGS: ClassVar[list[BindingType]] = [
        key("paper.close", "x", "close_position", "close", "Close this position; asks first", show=True),
        key(
            "paper.close_all", "A", "close_all", "all", "Close everything that is open; asks first", show=True
        ),
    ]

    def position_at_cursor(self) -> OpenPosition | None:
        """The open position that is meant."""
        return None

    @property
    def run_to_close(self) -> PaperRunRow | None:
        """The run that would be emptied: that of the position under the cursor, or the only one."""
        runs, position = self.runs_to_order, self.position_at_cursor()
        if position is not None:
            return self.run_of(position.run_id)
        return runs[0] if len(runs) == 1 else None

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Only what is held can be closed."""
        reason = super().why_not(action, parameters)
        if reason or action not in ("close_position", "close_all"):
            return reason
        if not self.runs_to_order:
            return self.NO_RUN
        return self._why_not_close() if action == "close_position" else self._why_not_close_all()

    def _why_not_close(self) -> str:
        position = self.position_at_cursor()
        if position is None:
            return "there is no open position under the cursor"
        if position.state == "closing":
            return f"position {position.id} leaves at the next open already"
        if all(run.run_id != position.run_id for run in self.runs_to_order):
            return f"position {position.id} is not one of a paper run that goes on"
        return ""

    def _why_not_close_all(self) -> str:
        run = self.run_to_close
        if run is None:
            return "several paper runs go on: put the cursor on a position of the one that is meant"
        if not self.held_by(run.run_id) and not ordered_in(run):
            return "nothing is open and nothing is ordered"
        return ""

    def held_by(self, run_id: int) -> tuple[OpenPosition, ...]:
        """What a run holds."""
        positions = () if self.trading is None else self.trading.positions
        return tuple(one for one in positions if one.run_id == run_id)

    def action_close_position(self) -> None:
        """Asks, then closes the position under the cursor at the next open."""
        position = self.position_at_cursor()
        if position is not None and not self.why_not("close_position", ()):
            self.close_one(position)

    def close_one(self, position: OpenPosition) -> None:
        """Asks, then closes a position at the next open."""
        from tui.dialogs.confirm import ConfirmDialog
        from tui.screens.position_rows import position_words, result_words

        number, symbols = position.id, self.console.symbols

        def ask(connection: sqlite3.Connection) -> int:
            from storage.order_requests import ask_close

            return ask_close(connection, number)

        now = result_words(position, symbols)
        self._confirm(
            ConfirmDialog(
                f"Close {position_words(position, symbols)}?",
                f"{now}\nIt leaves at the next open, with fee and slippage.".strip(),
            ),
            partial(
                paper_asking.order,
                self,
                ask,
                doing=f"closing position {number}",
                run=self.run_of(position.run_id),
            ),
        )

    def action_close_all(self) -> None:
        """Asks, then closes everything of a run."""
        from tui.dialogs.confirm import ConfirmDialog
        from tui.screens.position_rows import close_all_words

        run = self.run_to_close
        if run is None or self.why_not("close_all", ()):
            return
        run_id, held, symbols = run.run_id, self.held_by(run.run_id), self.console.symbols

        def ask(connection: sqlite3.Connection) -> int:
            from storage.order_requests import ask_close_all

            return ask_close_all(connection, run_id)

        self._confirm(
            ConfirmDialog(*close_all_words(run_id, held, ordered_in(run), symbols)),
            partial(paper_asking.order, self, ask, doing=f"closing everything of run {run_id}", run=run),
        )

    def _confirm(self, dialog: ConfirmDialog, then: Callable[[], object]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.console.push_screen(dialog, answered)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Each open position can be closed by its name."""
        from tui.screens.position_rows import position_words

        going = {run.run_id for run in self.runs_to_order}
        held = () if self.trading is None or self.console.read_only else self.trading.positions
        for position in held:
            if position.state == "open" and position.run_id in going:
                title = f"Close {position.symbol} {position.side}"
                help = position_words(position, self.console.symbols)
                yield title, help, partial(self.close_one, position)
        yield from super().palette()
