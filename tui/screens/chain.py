"""The chain of one position or signal: how it came about, what it brought, and what learned from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll

from tui.chain_learned_text import steps_head, steps_of
from tui.chain_text import headline, timeline
from tui.clipboard import copy_text
from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.screens.base import ConsoleScreen
from tui.widgets.chain_pane import show_price
from tui.widgets.chart.price import PriceChart
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    import sqlite3

    from storage.chain import Chain


STEPS_FRAME = 3
"""Lines of the list of steps beside its steps: a gap, the rule, the names of the columns."""


class ChainScreen(ConsoleScreen):
    """Lies over the table from which it was opened; the next and the previous position are a key away."""

    CSS_PATH = "chain.tcss"
    KEY_WIDGETS = (PriceChart, RecordList)
    OPENS = LazyClasses("tui.screens.step_browser:StepBrowserScreen")
    AUTO_FOCUS = "#story"
    HELP = (
        "One position from its beginning: the signal, what the agents answered, the decision, the position, "
        "its fills, what it brought, its reward with every part, where the price stood 1, 5 and 15 minutes "
        "after the entry, what became of its lesson for each model (trained in which step, waiting, skipped "
        "or absent, and why), and the versions that these trainings made. s opens the step that learned from "
        "it, with its loss and gradients. A rejected signal ends at the decision, with what it would have "
        "earned. The price around the position is drawn where it was kept."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key("chain.close", "escape,q,enter", "back", "back to the table", "Go back to the table", show=True),
        key("chain.next", "n", "neighbour(1)", "next", "The chain of the next position", show=True),
        key(
            "chain.previous",
            "N,p",
            "neighbour(-1)",
            "previous",
            "The chain of the position before",
            show=True,
        ),
        key("chain.step", "s", "step", "step", "The training step that learned from it", show=True),
        key("chain.copy", "y", "copy", "copy", "Copy the chain as text", show=True),
    ]

    def __init__(self, kind: str, id: int, over: str) -> None:
        super().__init__()
        self._kind = kind
        self._number = id
        self._over = over
        self._chain: Chain | None = None

    @property
    def header_id(self) -> str:
        """The screen that is marked in the header."""
        return self._over

    def compose_body(self) -> ComposeResult:
        """The story on the left, the price on the right; under each other where it is narrow."""
        yield TitleLine("Chain", id="title")
        with Container(id="content"):
            with VerticalScroll(id="story"):
                yield Panel("", id="stages")
                yield RecordList("steps that learned from it", id="steps")
            yield PriceChart(id="price")

    def refresh_data(self) -> None:
        """Asks for the chain."""
        kind, number = self._kind, self._number

        def ask(connection: sqlite3.Connection) -> Chain:
            from storage.chain import position_chain, signal_chain

            return (
                position_chain(connection, number) if kind == "position" else signal_chain(connection, number)
            )

        self.query_database(ask, self._show, group="chain", doing=f"reading the chain of {kind} {number}")

    def _show(self, chain: Chain) -> None:
        self._chain = chain
        symbols = self.console.symbols
        subject, number = self._subject(chain)
        self.query_one("#title", TitleLine).say(
            headline(chain, symbols),
            [(self._neighbours(chain), "$quiet")],
            title=f"Chain of {subject} #{number:,}",
        )
        self._list_steps(chain)
        chart = self.query_one(PriceChart)
        self.set_class(chain.path is not None, "-priced")
        show_price(chart, chain)
        self.call_after_refresh(self._tell)  # the price leaves less room
        self.refresh_bindings()

    def _tell(self) -> None:
        if self._chain is not None:
            panel = self.query_one("#stages", Panel)
            width, height = self.query_one("#story").size
            room = height - (len(self._chain.learned.taken) + STEPS_FRAME if self._chain.learned.taken else 0)
            panel.show(timeline(self._chain, self.console.symbols, max(40, width - 1), room))

    def _list_steps(self, chain: Chain) -> None:
        steps = self.query_one("#steps", RecordList)
        steps.display = bool(chain.learned.taken)
        if chain.learned.taken:
            symbols = self.console.symbols
            steps.show(steps_head(symbols), steps_of(chain.learned, symbols))

    def on_resize(self) -> None:
        """Another width breaks the lines elsewhere."""
        self.call_after_refresh(self._tell)

    def _subject(self, chain: Chain) -> tuple[str, int]:
        return ("position", chain.position.id) if chain.position is not None else ("signal", self._number)

    def _neighbours(self, chain: Chain) -> str:
        parts = []
        if chain.previous_id is not None:
            parts.append(f"N #{chain.previous_id:,}")
        if chain.next_id is not None:
            parts.append(f"n #{chain.next_id:,}")
        return "  ".join(parts)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """There is not always a neighbour."""
        if action == "neighbour":
            if self._chain is None or self._chain.position is None:
                return "only positions have neighbours here"
            step = parameters[0] if parameters else 0
            if step == 1 and self._chain.next_id is None:
                return "this is the newest position"
            if step == -1 and self._chain.previous_id is None:
                return "this is the oldest position"
        if action == "step" and (self._chain is None or not self._chain.learned.taken):
            return "no training step has learned from it"
        return super().why_not(action, parameters)

    def action_neighbour(self, step: int) -> None:
        """The chain of the position before or after."""
        if self._chain is None:
            return
        number = self._chain.next_id if step > 0 else self._chain.previous_id
        if number is not None:
            self._kind, self._number = "position", number
            self.refresh_data()

    @on(RecordList.Chosen, "#steps")
    def _step_chosen(self, message: RecordList.Chosen) -> None:
        message.stop()
        self.action_step()

    def action_step(self) -> None:
        """The step of the training under the cursor, in the browser of steps."""
        from tui.screens.step_browser import StepBrowserScreen

        match self.query_one("#steps", RecordList).current:
            case (int(session_id), int(step)):
                self.console.push_screen(StepBrowserScreen(session_id, step, over=self._over))
            case _:
                pass

    def action_copy(self) -> None:
        """Copies the chain as text."""
        if self._chain is not None:
            copy_text(
                self.app, timeline(self._chain, self.console.symbols, 100).plain, self.console.workspace.root
            )
