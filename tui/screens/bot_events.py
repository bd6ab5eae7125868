"""Everything that was read of the bot's logs, as a table over the bot screen."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from tui.keys import key
from tui.phrases import Part
from tui.screens.data_tables import DataTableScreen
from tui.screens.table_screen import TableScreen

if TYPE_CHECKING:
    from tui.widgets.paged_table.pages import Row


def filter_of(code: str) -> str:
    """The filter that shows what the bot wrote about a reason.

    Of the silent gate it writes nothing but what it passed on and what it evaluated.
    """
    if code == "silent_gate":
        return "kind=passed | kind=evaluating"
    if code == "early_return":
        return "reason:blocked_short_selling | kind=passed"
    word = code.removeprefix("gate:").replace("\\", "\\\\").replace('"', '\\"')
    kind = "kind=gate " if code.startswith("gate:") else ""
    return f'{kind}reason:"{word}"'


class BotEventsScreen(DataTableScreen):
    """What the bot said, the newest first."""

    ID = "bot"
    VIEW = "bot_events"
    TITLE_TEXT = "What the bot wrote"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = DataTableScreen.CSS_PATH
    KEY_WIDGETS = TableScreen.KEY_WIDGETS
    HELP = (
        "Every line of the bot's logs that means something, with what it is about. Lines that it wrote twice "
        "are here once.\n"
        "Filter: kind=reject reason:cooldown symbol:btc severity:error since:1d"
    )
    ORDER = ("time", "kind", "severity", "symbol", "side", "score", "reason", "text", "strategy")
    NARROW_ORDER = ("time", "kind", "symbol", "reason", "score", "text", "side")
    EMPTY = "Nothing was read of the bot yet."
    PRESETS = (
        ("rejected candidates", "kind=reject"),
        ("closed gates", "kind=gate"),
        ("trades", "kind=trade"),
        ("the model", "kind=model | kind=model_use"),
        ("warnings and errors", "severity:warning | severity:error"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key("bot_events.close", "q", "back", "back to the bot", "Go back to the bot", show=True),
    ]

    def __init__(self, wanted: str = "") -> None:
        super().__init__()
        self._wanted = wanted

    def on_mount(self) -> None:
        """Shows what was asked for."""
        if self._wanted:
            self.table.filter_by(self._wanted)

    def row_parts(self, row: Row) -> list[Part]:
        """The line in full, and what it is about."""
        from tui.widgets.paged_table.formats import format_time

        moment = self.cell(row, "time")
        about = " ".join(
            part
            for part in (self.text_of(row, name) for name in ("kind", "symbol", "side", "reason"))
            if part
        )
        return [
            (format_time(moment) if isinstance(moment, int) else "", "$quiet"),
            (f"  {about}", "bold"),
            (f"\n{self.text_of(row, 'text')}", ""),
        ]

    def open_row(self, row: Row) -> None:
        """The line as the bot wrote it."""
        from tui.dialogs.cell import CellDialog

        text = str(self.cell(row, "text") or "")
        self.console.push_screen(CellDialog(self.text_of(row, "kind"), text, text))
