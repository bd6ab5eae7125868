"""How often each rule said no; choosing one filters the table by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.keys import key

if TYPE_CHECKING:
    from storage.runs import RuleCount
    from tui.app import CoinTraderApp

BAR = 10


class RuleCounts(OptionList):
    """One line a rule, the most frequent first. Posts Chosen."""

    DEFAULT_CSS = """
    RuleCounts {
        border: none;
        border-left: solid $rule;
        border-top: solid $rule;
        border-title-color: $foreground;
        border-title-style: bold;
        padding: 0 0 0 1;
        background: $background;
        width: 46;
        height: 1fr;
        &:focus {
            border: none;
            border-left: solid $rule;
            border-top: solid $border;
            background-tint: initial;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("rules.down", "j", "cursor_down", "down", "Next rule"),
        key("rules.up", "k", "cursor_up", "up", "Rule before"),
        key(
            "rules.choose", "enter", "select", "filter by it", "Show only what this rule rejected", show=True
        ),
    ]

    class Chosen(Message):
        """The operator chose a rule by its code."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._counts: tuple[RuleCount, ...] = ()

    def show(self, counts: Sequence[RuleCount]) -> None:
        """Shows the counts; the highlighted rule stays."""
        if tuple(counts) == self._counts:
            return
        self._counts = tuple(counts)
        kept = self.highlighted
        self.clear_options()
        total = sum(item.count for item in counts)
        most = max((item.count for item in counts), default=1)
        for item in counts:
            self.add_option(Option(self._line(item, total, most), id=f"{item.stage}/{item.code}"))
        if counts:
            self.highlighted = min(kept or 0, len(counts) - 1)

    def _line(self, item: RuleCount, total: int, most: int) -> Content:
        symbols = cast("CoinTraderApp", self.app).symbols
        filled = max(1, round(item.count / most * BAR))
        return Content.assemble(
            (item.code[:20].ljust(20), "$foreground"),
            (f"{item.count:>9,} ", "$foreground"),
            (symbols.full * filled, "$loss"),
            (symbols.empty * (BAR - filled), "$rule"),
            (f"{item.count / total:>4.0%}", "$quiet"),
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tells the screen which rule was chosen."""
        event.stop()
        self.post_message(self.Chosen(self._counts[event.option_index].code))
