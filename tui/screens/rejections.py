"""Every rejection: which rule said no, what it found, what it allows; and what each rule saved and missed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container
from textual.widget import Widget

from tui.pace import Pace
from tui.screens.chain_table import ChainTableScreen
from tui.screens.table_screen import TableScreen
from tui.widgets.chain_pane import ChainPane
from tui.widgets.paged_table.loading import LoadingTable
from tui.widgets.rule_sums import RulePanel, RuleSums

if TYPE_CHECKING:
    import sqlite3

    from storage.hindsight import RuleSum
    from tui.widgets.paged_table.pages import Row

RUN = re.compile(r"^(?:.*\s)?run[:=](\d+)(?:\s[^|]*)?$")
"""A filter by one run, which the sums of the rules follow."""


@dataclass(frozen=True)
class RulesView:
    """What one read brought: the sums, of which run (None: of all), the first and last run, the currency."""

    sums: tuple[RuleSum, ...]
    run_id: int | None
    oldest_run: int | None
    newest_run: int | None
    currency: str


class RejectionsScreen(ChainTableScreen):
    """The table of rejections, and the rules with what they saved and missed."""

    ID = "rejections"
    VIEW = "rejections"
    TITLE_TEXT = "Rejections"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = [
        "table_screen.tcss",
        "rejections.tcss",
    ]
    KEY_WIDGETS: ClassVar[tuple[type[Widget], ...]] = (*TableScreen.KEY_WIDGETS, RuleSums)
    HELP = (
        "Why a signal did not become a position: the stage and the rule that said no, what was found and "
        "what is allowed. Would earn is what the trade would have brought: same entry, same exits, net of "
        "costs, on the candles that followed. The list of rules sums it up: saved are the losses of trades "
        "that were not made, missed their profits, net the one minus the other; above 0 the rule has earned "
        "its keep. These sums are never mixed with realised PnL. They are of all runs, or of one that the "
        "filter names (run:2). tab goes to the rules, enter there shows what one of them rejected.\n"
        "Filter: code:exposure symbol:btc hindsight>0 stage:risk confidence>0.5 since:7d"
    )
    ORDER = (
        "time", "symbol", "strategy", "side", "stage", "code", "hindsight", "text", "actual", "limit",
        "confidence", "outcome", "hold",
    )  # fmt: skip
    NARROW_ORDER = (
        "time", "symbol", "side", "code", "hindsight", "outcome", "actual", "limit", "strategy", "text",
    )  # fmt: skip
    EMPTY = (
        "No rejection yet.\nA signal that breaks a limit is rejected, with the rule and what it found.\n"
        "1 Overview offers the bundled candles."
    )
    PRESETS = (
        ("missed: would have earned", "hindsight>0"),
        ("saved: would have lost", "hindsight<0"),
        ("by a risk limit", "stage:risk"),
        ("by a filter", "stage:filter"),
        ("at execution", "stage:execution"),
        ("sure ones", "confidence>0.7"),
        ("the last 7 days of data", "since:7d"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._rules_pace = Pace(self._sum_rules, self.set_timer)
        self._rules: RulesView | None = None

    def compose_pane(self) -> Iterator[Widget]:
        """The chain of the row, and the rules."""
        yield Container(ChainPane(id="chain"), RulePanel(id="rule-panel"), id="pane")

    def subject(self, row: Row) -> tuple[str, int]:
        """The signal that was rejected."""
        signal = self.cell(row, "signal")
        return "signal", signal if isinstance(signal, int) else 0

    def refresh_data(self) -> None:
        """News of the table, and the sums of the rules."""
        super().refresh_data()
        self._rules_pace.want()

    def on_data_changed(self) -> None:
        """The sums change with every rejection and with every outcome."""
        super().on_data_changed()
        self._rules_pace.want()

    def on_screen_suspend(self) -> None:
        """No answer comes while another screen is in front."""
        self._rules_pace.forget()
        super().on_screen_suspend()

    def _sum_rules(self) -> None:
        run_id = run_of(self.table.wish.filter)

        def ask(connection: sqlite3.Connection) -> RulesView:
            from storage.hindsight import quote_currency, sums_by_rule
            from storage.runs import latest_run_id, oldest_run_id

            sums = tuple(sums_by_rule(connection, run_id))
            oldest, newest = oldest_run_id(connection), latest_run_id(connection)
            return RulesView(sums, run_id, oldest, newest, quote_currency(connection))

        def failed(error: Exception) -> None:
            self.console.report_error(error, "summing up what each rule saved and missed")
            self._rules_pace.answered()

        self._rules_pace.asked()
        self.query_database(ask, self._show_rules, group="rules", failed=failed)

    def _show_rules(self, view: RulesView) -> None:
        self._rules = view
        of = "all runs" if view.run_id is None else f"run {view.run_id}"
        twice = view.run_id is None and view.newest_run != view.oldest_run
        self.query_one(RulePanel).show(view.sums, of=of, currency=view.currency, twice=twice)
        self._rules_pace.answered()

    @on(LoadingTable.Changed)
    def _filter_may_name_a_run(self) -> None:
        if self._rules is not None and self._rules.run_id != run_of(self.table.wish.filter):
            self._rules_pace.want()

    @on(RuleSums.Chosen)
    def _rule_chosen(self, event: RuleSums.Chosen) -> None:
        run_id = run_of(self.table.wish.filter)
        parts = [f"code={event.code}" if event.code else "", "" if run_id is None else f"run:{run_id}"]
        self.filter_by(" ".join(part for part in parts if part))

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The rules of the newest run beside what every table offers."""
        if self._rules is not None and self._rules.newest_run is not None:
            words = f"run:{self._rules.newest_run}"
            yield (
                "Filter: the newest run",
                f"{words}, and the sums of its rules",
                partial(self.filter_by, words),
            )
        yield from super().palette()


def run_of(filter: str) -> int | None:
    """The run that a filter asks for, where it asks for exactly one."""
    found = RUN.match(filter) if "|" not in filter and "!" not in filter else None
    return int(found[1]) if found else None
