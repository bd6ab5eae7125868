"""Which columns stand where: the first one always, the others from the scrolled one on, as they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GUTTER = 2
"""Cells before the first column: the mark of the cursor."""

GAP = 2
"""Cells between two columns."""

STRETCHED = ("text", "message", "note", "error", "why", "models")
"""Columns that take the cells that are left over, in this order of preference."""


@dataclass(frozen=True)
class Placed:
    """A column on the screen: its number in the view's row, and the cells it covers."""

    index: int
    name: str
    label: str
    kind: str
    right: bool
    left: int
    width: int


@dataclass(frozen=True)
class ColumnSpec:
    """What the layout needs of a column of a view."""

    index: int
    name: str
    label: str
    kind: str
    width: int
    right: bool


def arrange(columns: Sequence[ColumnSpec], order: Sequence[str], hidden: Sequence[str]) -> list[ColumnSpec]:
    """The columns that are shown: those of `order` first, then the others as the view has them."""
    rank = {name: place for place, name in enumerate(order)}
    shown = [column for column in columns if column.name not in hidden] or list(columns)
    return sorted(shown, key=lambda column: (rank.get(column.name, len(rank)), column.index))


def place(columns: Sequence[ColumnSpec], width: int, first: int) -> list[Placed]:
    """The columns on a line of `width` cells: number 0, then those from `first` on; the last may be cut.

    Numbers are whole or left out: a cut number is another number. What is left over goes to the column
    that has most to say.
    """
    if not columns:
        return []
    placed: list[Placed] = []
    left = GUTTER
    for column in [columns[0], *columns[max(1, first) :]]:
        room = width - left
        least = column.width // 3 if column.kind in ("text", "models") else column.width
        if room < min(column.width, max(8, least)):
            break
        cells = min(column.width, room)
        placed.append(_placed(column, left, cells))
        left += cells + GAP
    return _stretch(placed, width)


def first_to_show(columns: Sequence[ColumnSpec], width: int, first: int, wanted: int) -> int:
    """The scroll position nearest to `first` at which column `wanted` is whole on the screen."""
    if wanted <= 0:
        return first
    if wanted < first:
        return wanted
    while first < wanted and width > GUTTER:
        shown = {item.index: item for item in place(columns, width, first)}
        column = columns[wanted]
        if column.index in shown and shown[column.index].width >= column.width:
            break
        first += 1
    return first


def _placed(column: ColumnSpec, left: int, width: int) -> Placed:
    return Placed(column.index, column.name, column.label, column.kind, column.right, left, width)


def _stretch(placed: list[Placed], width: int) -> list[Placed]:
    if not placed:
        return []
    spare = width - (placed[-1].left + placed[-1].width)
    if spare <= 0:
        return placed
    for name in STRETCHED:
        for place_number, item in enumerate(placed):
            if item.name == name:
                wider = [
                    *placed[:place_number],
                    _moved(item, 0, item.width + spare),
                    *(_moved(after, spare, after.width) for after in placed[place_number + 1 :]),
                ]
                return wider
    return placed


def _moved(item: Placed, by: int, width: int) -> Placed:
    return Placed(item.index, item.name, item.label, item.kind, item.right, item.left + by, width)
