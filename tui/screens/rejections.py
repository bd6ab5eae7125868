"""Every rejection: which rule said no, what it found, what it allows; and how often each rule does."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container
from textual.widget import Widget

from tui.screens.chain_table import ChainTableScreen
from tui.screens.table_screen import TableScreen
from tui.widgets.chain_pane import ChainPane
from tui.widgets.rule_counts import RuleCounts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from storage.runs import RuleCount
    from tui.widgets.paged_table.pages import Row


class RejectionsScreen(ChainTableScreen):
    """The table of rejections, and the rules with their counts."""

    ID = "rejections"
    VIEW = "rejections"
    TITLE_TEXT = "Rejections"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = [
        "table_screen.tcss",
        "rejections.tcss",
    ]
    KEY_WIDGETS: ClassVar[tuple[type[Widget], ...]] = (*TableScreen.KEY_WIDGETS, RuleCounts)
    HELP = (
        "Why a signal did not become a position: the stage and the rule that said no, what was found and "
        "what is allowed. The list of rules counts all rejections; enter there shows those of one rule.\n"
        "Filter: code:exposure symbol:btc stage:risk confidence>0.5 since:7d"
    )
    ORDER = ("time", "symbol", "strategy", "side", "stage", "code", "text", "actual", "limit", "confidence")
    NARROW_ORDER = ("time", "symbol", "code", "actual", "limit", "side", "strategy", "text")
    EMPTY = (
        "No rejection yet.\nA signal that breaks a limit is rejected, with the rule and what it found.\n"
        "1 Overview offers the bundled candles."
    )
    PRESETS = (
        ("by a risk limit", "stage:risk"),
        ("by a filter", "stage:filter"),
        ("at execution", "stage:execution"),
        ("sure ones", "confidence>0.7"),
        ("the last 7 days of data", "since:7d"),
    )

    def compose_pane(self) -> Iterator[Widget]:
        """The chain of the row, and the rules."""
        yield Container(ChainPane(id="chain"), RuleCounts(id="rules"), id="pane")

    def on_mount(self) -> None:
        """Names the list of rules."""
        self.query_one(RuleCounts).border_title = "rules"

    def subject(self, row: Row) -> tuple[str, int]:
        """The signal that was rejected."""
        signal = self.cell(row, "signal")
        return "signal", signal if isinstance(signal, int) else 0

    def refresh_data(self) -> None:
        """News of the table, and the counts of the rules."""
        super().refresh_data()
        self._count_rules()

    def on_data_changed(self) -> None:
        """The counts change with every rejection."""
        super().on_data_changed()
        self._count_rules()

    def _count_rules(self) -> None:
        def ask(connection: sqlite3.Connection) -> list[RuleCount]:
            from storage.runs import rejection_counts

            return rejection_counts(connection)

        self.query_database(
            ask, self.query_one(RuleCounts).show, group="rules", doing="counting the rejections of each rule"
        )

    @on(RuleCounts.Chosen)
    def _rule_chosen(self, event: RuleCounts.Chosen) -> None:
        self.filter_by(f"code={event.code}")
