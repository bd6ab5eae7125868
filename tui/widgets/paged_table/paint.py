"""Rows to strips: the colours of one theme, and the line of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.symbols import Symbols
from tui.widgets.paged_table.formats import fit, format_cell
from tui.widgets.paged_table.layout import GUTTER, Placed
from tui.widgets.paged_table.pages import Row

TONES = ("gain", "loss", "long", "short", "good", "bad", "busy", "quiet")


@dataclass(frozen=True)
class Palette:
    """Resolved styles: of plain text and of each tone, on each of the four grounds a row can have."""

    plain: Style
    stripe: Style
    cursor: Style
    blurred: Style
    header: Style
    header_sorted: Style
    header_cursor: Style
    tones: Mapping[str, Style]
    cell_cursor: Style

    def ground(self, *, at_cursor: bool, focused: bool, odd: bool) -> Style:
        """The ground of a row."""
        if at_cursor:
            return self.cursor if focused else self.blurred
        return self.stripe if odd else self.plain


def paint_row(
    row: Row,
    placed: Sequence[Placed],
    width: int,
    palette: Palette,
    symbols: Symbols,
    *,
    ground: Style,
    at_cursor: bool,
    cursor_column: int,
    marked: bool = False,
) -> Strip:
    """One row: the cursor, the operator's mark, the cells, and the ground to the right edge."""
    segments = [
        Segment(symbols.cursor if at_cursor else " ", ground),
        Segment(symbols.dot, ground + palette.tones["busy"]) if marked else Segment(" ", ground),
    ]
    at = GUTTER
    for item in placed:
        if item.left > at:
            segments.append(Segment(" " * (item.left - at), ground))
        text, tone = format_cell(item.name, item.kind, row[item.index], item.width, symbols)
        style = ground + palette.tones[tone] if tone else ground
        if at_cursor and item.index == cursor_column:
            style = style + palette.cell_cursor
        segments.append(Segment(fit(text, item.width, right=item.right, ellipsis=symbols.ellipsis), style))
        at = item.left + item.width
    if at < width:
        segments.append(Segment(" " * (width - at), ground))
    return Strip(segments, max(at, width)).crop(0, width)


def paint_unread(width: int, palette: Palette, symbols: Symbols, *, ground: Style, at_cursor: bool) -> Strip:
    """A row that is not in memory yet."""
    mark = f"{symbols.cursor} " if at_cursor else "  "
    return Strip([Segment(f"{mark}{symbols.middle}".ljust(width), ground + palette.tones["quiet"])], width)


def paint_header(
    placed: Sequence[Placed],
    width: int,
    palette: Palette,
    symbols: Symbols,
    *,
    sort: str,
    descending: bool,
    cursor_column: int,
    more: bool,
) -> Strip:
    """The labels; the sorted column carries an arrow, the column of the cursor is underlined."""
    segments = [Segment("  ", palette.header)]
    at = GUTTER
    for item in placed:
        if item.left > at:
            segments.append(Segment(" " * (item.left - at), palette.header))
        style = palette.header
        label = item.label
        if item.name == sort:
            arrow = symbols.down if descending else symbols.up
            label = next(
                (text for text in (f"{label} {arrow}", f"{label}{arrow}") if len(text) <= item.width),
                label[: item.width - 1] + arrow,
            )
            style = palette.header_sorted
        if item.index == cursor_column:
            style = style + palette.header_cursor
        segments.append(Segment(fit(label, item.width, right=item.right, ellipsis=symbols.ellipsis), style))
        at = item.left + item.width
    if at < width:
        tail = f"{symbols.arrow} " if more and width - at >= 3 else ""
        segments.append(Segment(tail.rjust(width - at), palette.header))
    return Strip(segments, max(at, width)).crop(0, width)


def paint_message(lines: Sequence[str], y: int, width: int, height: int, styles: Sequence[Style]) -> Strip:
    """Line `y` of a message in the middle of an empty table."""
    ground = styles[-1]
    top = max(0, (height - len(lines)) // 3)
    number = y - top
    if not 0 <= number < len(lines):
        return Strip.blank(width, ground)
    style = styles[min(number, len(styles) - 1)]
    text = fit(lines[number], max(1, width - 4), right=False, ellipsis="…").rstrip()
    left = max(2, (width - len(text)) // 2)
    return Strip(
        [
            Segment(" " * left, ground),
            Segment(text, style),
            Segment(" " * max(0, width - left - len(text)), ground),
        ],
    ).adjust_cell_length(width, ground)
