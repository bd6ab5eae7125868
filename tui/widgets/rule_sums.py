"""What each rule saved and missed by saying no; choosing one filters the table by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.keys import key
from tui.screens import rule_text as words
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from storage.hindsight import RuleSum
    from tui.app import CoinTraderApp

ALL_RULES = "all rules"


class RuleSums(OptionList):
    """One line a rule, the one that earned most first, then all together. Posts Chosen."""

    DEFAULT_CSS = """
    RuleSums {
        border: none;
        padding: 0;
        background: $background;
        height: auto;
        text-wrap: nowrap;
        scrollbar-size-vertical: 1;
        &:focus {
            border: none;
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
        """The operator chose a rule by its code; "" stands for all rules."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._codes: tuple[str, ...] = ()

    def show(self, rules: Sequence[RuleSum], width: int) -> None:
        """Shows the sums in `width` cells; the highlighted rule stays."""
        symbols = cast("CoinTraderApp", self.app).symbols
        before = self._codes[self.highlighted] if self._codes and self.highlighted is not None else None
        self.clear_options()
        self._codes = tuple(rule.rule for rule in rules)
        lines = [words.rule_line(rule, width, symbols) for rule in rules]
        if len(rules) > 1:
            self._codes += ("",)
            lines.append(words.rule_line(words.together(rules, ALL_RULES), width, symbols))
        for line in lines:
            self.add_option(Option(line))
        if lines:
            self.highlighted = self._codes.index(before) if before in self._codes else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tells the screen which rule was chosen."""
        event.stop()
        self.post_message(self.Chosen(self._codes[event.option_index]))


class RulePanel(Vertical):
    """The rules with the names of their columns above, and below how far hindsight has come."""

    DEFAULT_CSS = """
    RulePanel {
        border-top: solid $rule;
        border-title-color: $foreground;
        border-title-style: bold;
        padding: 0 1;
        width: 60;
        height: 1fr;
        Panel { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #rules-note { height: auto; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " rules "
        self._shown: tuple[RuleSum, ...] | None = None
        self._shape = ("", 0, 0, False)
        self._currency = ""
        self._twice = False

    def compose(self) -> ComposeResult:
        """Columns, rules, note."""
        yield Panel("", id="rules-head")
        yield RuleSums(id="rules")
        yield Panel("", id="rules-note")

    @property
    def text(self) -> str:
        """Everything that is read here, line by line."""
        rules = self.query_one(RuleSums)
        prompts = [rules.get_option_at_index(number).prompt for number in range(rules.option_count)]
        lines = [each.plain if isinstance(each, Content) else str(each) for each in prompts]
        head, note = (self.query_one(f"#rules-{part}", Panel).text for part in ("head", "note"))
        return "\n".join([head, *lines, note])

    def show(self, rules: Sequence[RuleSum], *, of: str, currency: str, twice: bool = False) -> None:
        """Shows the sums; `of` names the run or runs, `currency` what the money is in.

        `twice` says that one signal may be among them as often as there are runs.
        """
        found, (width, height) = words.by_net(rules), self.content_size
        width = max(30, width)
        shape = (of, width, height, twice)
        if (found, shape) == (self._shown, self._shape):
            return
        self._shown, self._shape, self._currency, self._twice = found, shape, currency, twice
        self.border_title = f" what the rules of {of} saved and missed " if found else " rules "
        self.query_one("#rules-head", Panel).show(words.rule_head(width, currency) if found else Content(""))
        lines = len(found) + (len(found) > 1)
        note = words.rule_note(found, width, max(1, height - 1 - lines), twice=twice)
        self.query_one("#rules-note", Panel).show(note)
        sums = self.query_one(RuleSums)
        room = max(1, height - 2 - note.plain.count("\n"))
        sums.styles.max_height = room
        sums.show(found, width - (lines > room))

    def on_resize(self) -> None:
        """Columns come and go with the width."""
        if self._shown is not None:
            self.show(self._shown, of=self._shape[0], currency=self._currency, twice=self._twice)
