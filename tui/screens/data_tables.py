"""Two tables that lie over the data screen: every file that was read, and every row that was refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from tui.keys import key
from tui.phrases import Part, assemble
from tui.screens.table_screen import TableScreen
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui.widgets.paged_table.pages import Row


class DataTableScreen(TableScreen):
    """A table with a pane that says the row in full; `q` goes back."""

    ID = "data"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = [
        "table_screen.tcss",
        "data_tables.tcss",
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        key("data_table.close", "q", "back", "back to data", "Go back to the data", show=True),
    ]

    def compose_pane(self) -> Iterator[Widget]:
        """The row in full."""
        yield VerticalScroll(Panel("row", id="row"), id="pane", can_focus=False)

    def show_row(self, row: Row | None) -> None:
        """Writes the row out, one value a line."""
        content = Content("") if row is None else assemble(self.row_parts(row))
        self.query_one("#row", Panel).show(content)

    def row_parts(self, row: Row) -> list[Part]:
        """What there is to say of a row."""
        raise NotImplementedError

    def text_of(self, row: Row, name: str) -> str:
        """A value as one line of text."""
        from tui.widgets.paged_table.formats import clean

        value = self.cell(row, name)
        return clean(f"{value:,}" if isinstance(value, int) else str(value or ""), self.console.symbols)


class FilesScreen(DataTableScreen):
    """Every file that was read; enter shows the rows that were refused of it."""

    VIEW = "files"
    TITLE_TEXT = "Files"
    HELP = (
        "Every file that was read: what it was recognised as, how many rows it brought, how many were "
        "refused. A file that still grows is tailing; it is read on from where reading stopped. enter shows "
        "the refused rows of a file.\n"
        "Filter: state:refused kind:candles symbol:btc refused>0 since:7d"
    )
    ORDER = ("updated", "state", "name", "kind", "symbol", "rows", "refused", "size", "note", "path")
    NARROW_ORDER = ("state", "name", "rows", "refused", "kind", "updated", "note", "path")
    EMPTY = "No file was read yet.\nFiles that are laid into the inbox of the workspace are offered by i."
    PRESETS = (
        ("refused files", "state:refused"),
        ("files with refused rows", "refused>0"),
        ("files that still grow", "state:tailing"),
    )

    def row_parts(self, row: Row) -> list[Part]:
        """Path, counts and note."""
        note = self.text_of(row, "note")
        parts: list[Part] = [
            (self.text_of(row, "path"), "bold"),
            (
                f"\n{self.text_of(row, 'kind') or 'unknown'}, {self.text_of(row, 'state')}: "
                f"{self.text_of(row, 'rows') or '0'} rows, {self.text_of(row, 'refused') or '0'} refused",
                "",
            ),
        ]
        return [*parts, (f"\n{note}", "$warning")] if note else parts

    def open_row(self, row: Row) -> None:
        """What was refused of it."""
        name = str(self.cell(row, "name"))
        if not self.cell(row, "kept"):
            self.notify(f"{name}: no row was refused.", markup=False)
            return
        self.console.push_screen(QuarantineScreen(name))


class QuarantineScreen(DataTableScreen):
    """Every row that was refused, with the reason and the row as it stood."""

    VIEW = "quarantine"
    TITLE_TEXT = "Refused rows"
    HELP = (
        "Rows that an import did not take: the file, the line, the field that was wrong, why, and the row as "
        "it was read. A file that is refused whole has a row here too.\n"
        "Filter: source:btc field:high reason:negative since:7d"
    )
    ORDER = ("source", "line", "field", "reason", "raw", "when")
    NARROW_ORDER = ("line", "field", "reason", "source", "raw", "when")
    EMPTY = "No row was refused.\nWhat an import cannot take is kept here with its reason."

    def __init__(self, source_name: str = "") -> None:
        super().__init__()
        self._source_name = source_name

    def on_mount(self) -> None:
        """Shows the rows of one file."""
        if self._source_name:
            quoted = self._source_name.replace("\\", "\\\\").replace('"', '\\"')
            self.table.filter_by(f'source="{quoted}"')

    def row_parts(self, row: Row) -> list[Part]:
        """Place, reason, and the row as it stood."""
        line = self.text_of(row, "line")
        place = f"{self.text_of(row, 'source')}{f', line {line}' if line not in ('', '0') else ''}"
        raw = self.text_of(row, "raw")
        return [
            (place, "bold"),
            (f"\n{self.text_of(row, 'field')}: ", "$accent"),
            (self.text_of(row, "reason"), "$loss"),
            (f"\n{raw}" if raw else "\n(the file as a whole)", "$quiet"),
        ]

    def open_row(self, row: Row) -> None:
        """The row as it stood, whole."""
        from tui.dialogs.cell import CellDialog

        label = f"{self.text_of(row, 'field')}: {self.text_of(row, 'reason')}"
        raw = str(self.cell(row, "raw") or "")
        self.console.push_screen(CellDialog(label[:64], raw, raw))
