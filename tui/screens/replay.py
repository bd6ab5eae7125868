"""What is worth learning from again: setups by priority, the form that trains on them, what it brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.keys import key
from tui.lazy_classes import LazyClasses
from tui.screens.table_screen import TableScreen
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

if TYPE_CHECKING:
    import sqlite3

    from cointrader.training.replaying.request import ReplayRequest
    from storage.replays import ReplayRow
    from tui.phrases import Part
    from tui.widgets.paged_table.pages import Row

LISTED = 100
"""Replays in the list, the newest first."""


class ReplayScreen(TableScreen):
    """The table of setups, and the last replays beside their controls."""

    ID = "replay"
    VIEW = "setups"
    TITLE_TEXT = "Replay"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = ["table_screen.tcss", "replay.tcss"]
    HELP = (
        "Setups, the ones that there is most to learn from first: what was known at one moment, and what it "
        "was worth once its horizon had passed. m marks one, p opens the form that trains an agent on those "
        "that brought enough, on those of the highest priority, on the marked ones, or on a session once "
        "more. Beside each replay an unfiltered control is trained; the list below shows both, judged on "
        "rows that neither saw. enter on a replay opens its result, and from there its steps.\n"
        "Filter: symbol:btc origin:rapid score>0.7 side:long since:7d"
    )
    DANGEROUS: ClassVar[frozenset[str]] = frozenset({"launch"})
    KEY_WIDGETS: ClassVar[tuple[type[Widget], ...]] = (*TableScreen.KEY_WIDGETS, RecordList)
    OPENS = LazyClasses(
        "tui.screens.replay_form:ReplayForm",
        "tui.screens.replay_result:ReplayResultScreen",
    )
    ORDER = (
        "priority", "time", "symbol", "side", "origin", "score", "net_return", "best", "taken", "trained",
        "rapid", "extreme", "price", "complete", "state", "timeframe",
    )  # fmt: skip
    NARROW_ORDER = ("priority", "time", "symbol", "side", "origin", "score", "net_return")
    EMPTY = (
        "No setup yet.\nSetups are collected from stored candles by a worker, and have an outcome once their "
        "horizon has passed.\ncointrader collect does it now; 1 Overview offers the bundled candles."
    )
    PRESETS = (
        ("profitable episodes", "score>=0.7"),
        ("rapid changes", "origin:rapid"),
        ("at signals", "origin:signal"),
        ("losers", "net_return<0"),
        ("not trained on yet", "trained=0"),
        ("the last 7 days of data", "since:7d"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key("replay.launch", "p", "launch", "replay", "Open the form that trains on setups again", show=True),
        key("replay.mark", "m", "mark", "mark", "Mark this setup, or take its mark away", show=True),
        key("replay.unmark", "U", "unmark", "no marks", "Take all marks away"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._replays: tuple[ReplayRow, ...] = ()
        self._newest_session: int | None = None

    def compose_pane(self) -> Iterator[Widget]:
        """The last replays, and what the one under the cursor brought."""
        yield Container(RecordList("replays", id="replays"), Panel("result", id="verdict"), id="pane")

    # The list of replays

    def refresh_data(self) -> None:
        """News of the table, and the replays."""
        super().refresh_data()
        self._read_replays()

    def on_data_changed(self) -> None:
        """A replay may have begun or ended."""
        super().on_data_changed()
        self._read_replays()

    def action_refresh_data(self) -> None:
        """Everything anew."""
        super().action_refresh_data()
        self._read_replays()

    def _read_replays(self) -> None:
        def ask(connection: sqlite3.Connection) -> tuple[tuple[ReplayRow, ...], int | None]:
            from storage.replays import list_replays
            from storage.training_overview import recent_sessions

            newest = recent_sessions(connection, limit=1)
            replays = tuple(list_replays(connection, limit=LISTED))
            return replays, newest[0].id if newest else None

        self.query_database(ask, self._replays_read, group="replays", doing="reading the replays")

    def _replays_read(self, read: tuple[tuple[ReplayRow, ...], int | None]) -> None:
        self._newest_session = read[1]
        self._show_replays(read[0])

    def _show_replays(self, replays: tuple[ReplayRow, ...]) -> None:
        from tui.screens import replay_text as words

        self._replays = replays
        symbols = self.console.symbols
        listed = self.query_one("#replays", RecordList)
        width = (listed.content_size.width or 70) - 2
        listed.show(
            words.replays_head(width, symbols),
            [words.replay_record(replay, width, symbols) for replay in replays],
            empty="no replay yet: p opens the form",
        )
        self._show_verdict()

    def _show_verdict(self) -> None:
        from tui.screens.replay_text import verdict_text

        current = self.query_one("#replays", RecordList).current
        panel = self.query_one("#verdict", Panel)
        found = next((replay for replay in self._replays if replay.id == current), None)
        width = (panel.content_size.width or 60) - 1
        panel.show(
            verdict_text(found, width, self.console.symbols),
            title="result" if found is None else f"result of r.{found.id}",
        )

    @on(RecordList.Moved, "#replays")
    def another_replay(self, message: RecordList.Moved) -> None:
        """The result follows the cursor."""
        message.stop()
        self._show_verdict()

    @on(RecordList.Chosen, "#replays")
    def to_result(self, message: RecordList.Chosen) -> None:
        """The result of a replay, whole."""
        from tui.screens.replay_result import ReplayResultScreen

        message.stop()
        if isinstance(message.key, int):
            self.console.push_screen(ReplayResultScreen(message.key))

    def on_resize(self) -> None:
        """Columns come and go with the width."""
        if self.is_mounted:
            self.call_after_refresh(self._show_replays, self._replays)

    # Setups

    def open_row(self, row: Row) -> None:
        """Everything that is known of a setup."""
        from tui.dialogs.setup import SetupDialog

        self.console.push_screen(SetupDialog(row[-1]))

    def title_parts(self) -> list[Part]:
        """How many are marked."""
        marked = len(self.table.marked)
        return [(f"{marked:,} marked", "bold $accent")] if marked else []

    def action_mark(self) -> None:
        """Marks the setup under the cursor, or takes its mark away, and goes on to the next."""
        table = self.table
        row = table.current_row()
        if row is not None:
            table.mark(row)
            table.action_move(1)
            self.say_title()
            self.refresh_bindings()

    def action_unmark(self) -> None:
        """Takes all marks away."""
        self.table.clear_marks()
        self.say_title()
        self.refresh_bindings()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """What cannot be done now."""
        if action == "mark" and not self.table.pages.at_least:
            return "there is no setup under the cursor"
        if action == "unmark" and not self.table.marked:
            return "nothing is marked"
        return super().why_not(action, parameters)

    # Launching

    def action_launch(self) -> None:
        """Opens the form; with marks it begins with the marked ones."""
        self.open_form("selected" if self.table.marked else "profitable")

    def open_form(self, kind: str) -> None:
        """Opens the form at a kind."""
        from tui.screens.replay_form import ReplayForm

        why = self.why_not("launch", ())
        if why:
            self.notify(f"Not possible: {why}.", severity="warning", markup=False)
            return
        eligible = self.console.settings.training.min_profitability_for_replay
        form = ReplayForm(
            kind,
            filter=self.table.wish.filter,
            setups=tuple(sorted(self.table.marked)),
            session=self._newest_session,
            eligible=eligible,
        )
        self.console.push_screen(form, self.start)

    def start(self, request: ReplayRequest | None) -> None:
        """Queues what the form asks for, and makes sure that somebody does it."""
        from tui.launch import start_replay

        if request is not None:
            start_replay(self, request)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Each kind of replay, then what every table offers."""
        from tui.screens.replay_form import KIND_WORDS

        if not self.console.read_only:
            for kind, words in KIND_WORDS.items():
                yield f"Replay: {kind}", f"Train again on {words}", partial(self.open_form, kind)
        for shown in self._replays[:20]:
            title = f"Result of replay r.{shown.id}"
            yield title, f"{shown.kind}, {shown.agent}, {shown.state}", partial(self._open_result, shown.id)
        yield from super().palette()

    def _open_result(self, replay_id: int) -> None:
        from tui.screens.replay_result import ReplayResultScreen

        self.console.push_screen(ReplayResultScreen(replay_id))
