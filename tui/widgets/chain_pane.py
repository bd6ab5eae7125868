"""The pane beside a table: the chain of the row under the cursor, and the price around its position."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget

from tui.chain_text import summary, timeline
from tui.widgets.chart.price import Level, Mark, PriceChart
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from storage.chain import Chain
    from tui.app import CoinTraderApp


PRICE_HEIGHT = 15
"""Lines of the price and of the gap over it, where it stands under the words."""


class ChainPane(Container):
    """`show(chain)`; None empties it. The price is shown where there is room and a path was kept."""

    DEFAULT_CSS = """
    ChainPane {
        layout: horizontal;
        height: 10;
        border-top: solid $rule;
        border-title-color: $foreground;
        border-title-style: bold;
        padding: 0 1;
        Panel { width: 1fr; height: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
        PriceChart { width: 44; height: 1fr; margin-left: 1; display: none; }
        &.-priced PriceChart { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " why "

    def compose(self) -> ComposeResult:
        """The words, then the price."""
        yield Panel("", id="why")
        yield PriceChart(id="price")

    def show(self, chain: Chain | None) -> None:
        """Shows a chain in the words that fit the shape of the pane."""
        symbols = cast("CoinTraderApp", self.app).symbols
        words = self.query_one("#why", Panel)
        if chain is None:
            self.remove_class("-priced")
            words.show(Content(""))
            return
        wide = self.screen.has_class("-wide")
        room = self.size.width - 2
        # The room around it: where its own height follows the words, that says nothing.
        around = self.parent.size.height if isinstance(self.parent, Widget) else self.size.height
        height = around - (PRICE_HEIGHT if chain.path is not None else 0)
        words.show(timeline(chain, symbols, room, height) if wide else summary(chain, symbols))
        self.set_class(chain.path is not None, "-priced")
        show_price(self.query_one(PriceChart), chain)


def show_price(chart: PriceChart, chain: Chain) -> None:
    """Draws the path of a position with its entry, its exit and its levels."""
    path, position = chain.path, chain.position
    if path is None or position is None:
        chart.show((), 0, 1)
        return
    into, out = ("▲", "▼") if position.side == "long" else ("▼", "▲")
    marks = [Mark(path.entry_index, "entry", into)]
    if position.closed_ms is not None:
        marks.append(Mark(path.exit_index, position.exit_reason.replace("_", " ") or "exit", out))
    levels = [
        Level(value, label)
        for value, label in ((position.stop_price, "stop"), (position.target_price, "target"))
        if value
    ]
    chart.show(path.closes, path.first_ms, path.step_ms, marks, levels)
