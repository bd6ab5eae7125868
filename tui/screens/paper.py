"""Paper trading while it goes on: the run, its account, what it holds, what was ordered and decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.message import Message

from tui import paper_asking
from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.pace import Pace
from tui.screens.trading_keys import ClosingKeys
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.group import ChartGroup
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    import sqlite3

    from storage.paper_desk import OpenPosition, PaperDesk, Trading
    from storage.paper_runs import PaperPlan, PaperRunRow
    from tui.phrases import Part

EQUITY_COLUMNS = 240
LOOK_SECONDS = 5.0


class Body(Container):
    """What a run is shown in; it tells when it has another size, as also when it has one at last."""

    class Resized(Message):
        """The size is another one."""

    def on_resize(self) -> None:
        """Tells the screen."""
        self.post_message(self.Resized())


class PaperScreen(ClosingKeys):
    """One run at a time; `[` and `]` go through the others."""

    ID: ClassVar[str] = "paper"
    CSS_PATH = "paper.tcss"
    HELP: ClassVar[str] = (
        "Paper trading: strategies decide on bars as they are imported, or on stored bars that are played "
        "again, under the same limits as in a backtest. s starts a run, p lets it rest and go on, X ends "
        "it. b orders by hand: the run decides on it and says here why it refuses one. x closes the position "
        "under the cursor, A all of them, at the next open. PnL of what is open is at the last close, after "
        "the fee of the entry. Today is the UTC day of the run's last bar. enter on a position opens its "
        "chain; what is closed stands in 4 Positions, filter run:2 for run 2. A run whose worker is silent "
        "is not called running."
    )
    NO_RUN = "no paper run goes on; s starts one"
    DANGEROUS: ClassVar[frozenset[str]] = ClosingKeys.DANGEROUS | {"start", "pause", "stop"}
    KEY_WIDGETS = (RecordList, Chart)
    OPENS = LazyClasses("tui.screens.paper_form:PaperForm", "tui.screens.order_form:OrderForm")
    AUTO_FOCUS = "#open"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("paper.start", "s", "start", "start", "Open the form that starts a paper run", show=True),
        key(
            "paper.pause",
            "p",
            "pause",
            "pause",
            "Let the run rest with its positions, or let it go on",
            show=True,
        ),
        key("paper.stop", "X", "stop", "stop", "End the run and close its positions; asks first", show=True),
        key("paper.next_run", "right_square_bracket", "turn(1)", "older run", "The run that began before"),
        key("paper.previous_run", "left_square_bracket", "turn(-1)", "newer run", "The run that began after"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self.ask_desk, self.set_timer)
        self._desk: PaperDesk | None = None
        self._chosen: int | None = None
        self._orders_when_read = False

    def compose_body(self) -> ComposeResult:
        """Account and curve above, what is held in the middle, decisions and orders below."""
        yield TitleLine("Paper", id="title")
        yield Panel("", id="empty")
        with Body(id="body"):
            with Horizontal(id="upper"):
                yield Panel("account", id="account")
                chart = Chart("equity", time=True, id="equity", empty="no bar yet", footnote=False)
                yield Container(ChartGroup(chart), id="curve")
            yield RecordList("open positions", id="open")
            with Horizontal(id="lower"):
                yield Panel("orders by hand", id="orders")
                yield Panel("decisions", id="decisions")

    def on_mount(self) -> None:
        """Nothing is shown before the first answer."""
        self.query_one("#empty").display = False
        self.set_interval(LOOK_SECONDS, self._look_again)

    # Reading

    def refresh_data(self) -> None:
        """Asks for the run."""
        self._pace.want()

    def on_data_changed(self) -> None:
        """Asks again, as often as it may."""
        self._pace.want()

    def on_screen_suspend(self) -> None:
        """No answer comes while another screen is in front."""
        self._pace.forget()
        super().on_screen_suspend()

    def _look_again(self) -> None:
        """A worker that fell silent commits nothing; for how long is told all the same."""
        if self.is_current and self.row is not None and self.row.state in ("running", "stopping"):
            self._pace.want()

    def ask_desk(self) -> None:
        """Asks for everything of the run in one read."""
        chosen = self._chosen

        def ask(connection: sqlite3.Connection) -> PaperDesk:
            from storage.paper_desk import read_desk

            return read_desk(connection, chosen, columns=EQUITY_COLUMNS)

        def failed(error: Exception) -> None:
            self.console.report_error(error, "reading the paper run")
            self._pace.answered()

        self._pace.asked()
        self.query_database(ask, self._answered, group="desk", failed=failed)

    def _answered(self, desk: PaperDesk) -> None:
        first = self._desk is None
        self._desk = desk
        self.show_desk(desk)
        self.refresh_bindings()
        self._pace.answered()
        if first and self.focused is None:
            self.query_one("#open").focus()
        if self._orders_when_read:
            self._orders_when_read = False
            self.order_soon()

    @property
    def trading(self) -> Trading | None:
        """What goes on: the run that is shown before the others."""
        from storage.paper_desk import Trading

        desk = self._desk
        if desk is None:
            return None
        shown = self.row
        runs = sorted(desk.runs, key=lambda run: shown is None or run.run_id != shown.run_id)
        return Trading(tuple(runs), desk.positions)

    @property
    def row(self) -> PaperRunRow | None:
        """The run that is shown."""
        return None if self._desk is None else self._desk.row

    # Showing

    def show_desk(self, desk: PaperDesk) -> None:
        """Puts what was read onto the screen."""
        from tui.screens import paper_text as words

        symbols, empty = self.console.symbols, desk.row is None
        self.query_one("#empty").display = empty
        self.query_one("#body").display = not empty
        self._say_title(desk)
        if empty:
            text = words.empty_text(desk, symbols, read_only=self.console.read_only)
            self.query_one("#empty", Panel).show(text)
            return
        account = self.query_one("#account", Panel)
        if not account.content_size.width:
            return  # not laid out yet: `laid_out` comes as soon as it is known how much fits
        whole = not self.has_class("-short") or not self.has_class("-narrow")
        width = account.content_size.width
        account.show(words.account_text(desk, width, symbols, whole=whole))
        self._show_curve(desk)
        self._show_positions(desk)
        decisions, orders = self.query_one("#decisions", Panel), self.query_one("#orders", Panel)
        decisions.show(words.decisions_text(desk, decisions.content_size.width, symbols))
        orders.show(
            words.orders_text(desk.orders, orders.content_size.width, symbols),
            title=words.orders_title(desk.orders),
        )

    def _say_title(self, desk: PaperDesk) -> None:
        from tui.screens import paper_text as words

        symbols, row = self.console.symbols, desk.row
        left: list[Part] = []
        if row is not None:
            left = [
                (f"run {row.run_id}", "bold"),
                words.state_part(desk, symbols),
                (words.source_words(row, symbols), ""),
                words.start_words(desk, symbols),
            ]
        self.query_one("#title", TitleLine).say(
            left, [(words.runs_words(desk), "$quiet"), (words.until_words(desk), "")]
        )

    def _show_curve(self, desk: PaperDesk) -> None:
        from tui.widgets.chart.overlays import Level
        from tui.widgets.chart.stored import equity_series

        curve = desk.equity
        series = [equity_series(curve)] if curve is not None and curve.count else []
        start = [] if desk.run is None else [Level(desk.run.start_equity, "start")]
        self.query_one("#equity", Chart).show_curves(series, levels=start)

    def _show_positions(self, desk: PaperDesk) -> None:
        from tui.screens import position_rows as rows

        listed, symbols = self.query_one("#open", RecordList), self.console.symbols
        width = listed.content_size.width - 2
        listed.show(
            rows.positions_head(width, symbols),
            [rows.position_record(position, width, symbols) for position in desk.positions],
            empty="nothing is open",
            title=rows.positions_title(desk.positions, symbols, ordered=len(desk.ordered)),
        )

    @on(Body.Resized)
    def laid_out(self, message: Body.Resized) -> None:
        """Columns and lines come and go with the size."""
        message.stop()
        if self._desk is not None:
            self.call_after_refresh(self.show_desk, self._desk)

    @on(RecordList.Moved, "#open")
    def another_position(self, message: RecordList.Moved) -> None:
        """What can be closed follows the cursor."""
        message.stop()
        self.refresh_bindings()

    @on(RecordList.Chosen, "#open")
    def to_chain(self, message: RecordList.Chosen) -> None:
        """The chain of a position: its signal, decision and fills."""
        from tui.screens.chain import ChainScreen

        message.stop()
        if isinstance(message.key, int):
            self.console.push_screen(ChainScreen("position", message.key, self.ID))

    def position_at_cursor(self) -> OpenPosition | None:
        """The position under the cursor of the list."""
        current = self.query_one("#open", RecordList).current
        positions = () if self._desk is None else self._desk.positions
        return next((position for position in positions if position.id == current), None)

    def symbol_at_cursor(self) -> str:
        """An order is likeliest for what is not held yet."""
        row, position = self.row, self.position_at_cursor()
        held = {one.symbol for one in (self._desk.positions if self._desk is not None else ())}
        free = next((symbol for symbol in (row.symbols if row is not None else ()) if symbol not in held), "")
        return free or (position.symbol if position is not None else "")

    @property
    def run_to_close(self) -> PaperRunRow | None:
        """The run that is shown."""
        row = self.row
        return next((run for run in self.runs_to_order if row and run.run_id == row.run_id), None)

    # Keys

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """What the state of the run does not allow."""
        reason = super().why_not(action, parameters)
        if reason:
            return reason
        if action in ("pause", "stop"):
            return self._why_not_change()
        if action == "turn" and (self._desk is None or len(self._desk.known) < 2):
            return "there is no other run"
        return ""

    def _why_not_change(self) -> str:
        row = self.row
        if row is None:
            return "there is no run; s starts one"
        if row.state == "stopped":
            return f"run {row.run_id} was stopped; s starts another"
        if row.state == "stopping" and self._desk is not None and self._desk.job is not None:
            return f"run {row.run_id} is being stopped"
        return ""

    @property
    def _rests(self) -> bool:
        """Whether `p` lets the run go on: it is paused, or nobody is there to work on it."""
        from tui.screens.paper_text import needs_worker

        desk, row = self._desk, self.row
        if desk is None or row is None:
            return False
        return row.state == "paused" or desk.job is None or needs_worker(desk)

    @property
    def key_words(self) -> dict[str, str]:
        """`p` says what it would do."""
        return {"pause": "go on"} if self._rests and self.row and self.row.state != "stopped" else {}

    def action_start(self) -> None:
        """Opens the form."""
        from tui.screens.paper_form import PaperForm

        if not self.why_not("start", ()):
            self.console.push_screen(PaperForm(), self.start)

    def start(self, plan: PaperPlan | None) -> None:
        """Queues what the form asks for; the new run is shown once it has begun."""
        if plan is not None:
            self._chosen = None
            paper_asking.start_run(self, plan)

    def action_pause(self) -> None:
        """Lets the run rest, or go on."""
        row = self.row
        if row is None or self.why_not("pause", ()):
            return
        if self._rests:
            paper_asking.resume_run(self, row.run_id)
        else:
            paper_asking.pause_run(self, row.run_id)

    def action_stop(self) -> None:
        """Asks, then ends the run."""
        from tui.dialogs.confirm import ConfirmDialog
        from tui.screens.position_rows import stop_words

        row = self.row
        if row is None or self.why_not("stop", ()):
            return
        held = self.held_by(row.run_id)
        words = stop_words(held, self.console.symbols)
        self._confirm(
            ConfirmDialog(f"Stop paper run {row.run_id}?", words),
            partial(paper_asking.stop_run, self, row.run_id),
        )

    def action_turn(self, by: int) -> None:
        """Another run."""
        desk = self._desk
        if desk is None or desk.row is None or len(desk.known) < 2:
            return
        numbers = [run_id for run_id, _ in desk.known]
        at = numbers.index(desk.row.run_id) if desk.row.run_id in numbers else 0
        self.choose(numbers[(at + by) % len(numbers)])

    def choose(self, run_id: int) -> None:
        """Shows a run."""
        self._chosen = run_id
        self.ask_desk()

    def to_positions(self, run_id: int) -> None:
        """Goes to what a run has closed."""
        from tui.screens.positions import PositionsScreen

        self.console.action_show_screen("positions")
        if isinstance(screen := self.console.screen, PositionsScreen):
            screen.show_only(f"run:{run_id}")

    def order_soon(self) -> None:
        """Opens the form of an order, once it is known which runs go on; the palette calls this."""
        if self._desk is None:
            self._orders_when_read = True
            return
        why = self.why_not("order", ())
        if why:
            self.notify(f"Not possible: {why}.", severity="warning", markup=False)
        else:
            self.action_order()

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The runs, and each position that can be closed."""
        for run_id, state in self._desk.known if self._desk is not None else ():
            yield f"Show paper run {run_id}", state, partial(self.choose, run_id)
        if (row := self.row) is not None:
            title = f"Positions of paper run {row.run_id}"
            yield title, "what it has closed, and the chain of each", partial(self.to_positions, row.run_id)
        yield from super().palette()
