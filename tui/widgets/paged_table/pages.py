"""The part of a table that is in memory: blocks of rows by number, and the key at which each block starts.

Rows are numbered from 0 in the order of the table. A block is 256 rows. The start of a block is known once
the block before it was read, or all at once when the anchors arrive; only blocks whose start is known can
be read. Few blocks are kept; the others are read again when they are looked at again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

Row = tuple[Any, ...]
"""Values in the order of the view's columns, then the sort value and the id."""

Key = tuple[Any, int]
"""Sort value and id: the place of a row in the order."""

BLOCK = 256
"""Rows of a block; the same as the rows between two anchors."""

KEPT_BLOCKS = 24
"""Blocks in memory: about 6,000 rows, some megabytes."""


class Pages:
    """The cache of one filter in one order; a new one begins whenever either changes."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[int, list[Row]] = OrderedDict()
        self._starts: list[Key] = []
        self._last_of_known: Key | None = None
        self._known = 0
        self.count: int | None = None

    @property
    def at_least(self) -> int:
        """How many rows there are at the least; exact once `count` is known."""
        return self._known if self.count is None else self.count

    def row(self, number: int) -> Row | None:
        """The row of that number, or None when its block is not in memory."""
        block = self._blocks.get(number // BLOCK)
        offset = number % BLOCK
        return block[offset] if block is not None and offset < len(block) else None

    def rows(self) -> int:
        """Rows in memory."""
        return sum(len(block) for block in self._blocks.values())

    def start(self, block: int) -> Key | None:
        """The key of the first row of a block, or None when it is not known (block 0 needs none)."""
        return self._starts[block] if block < len(self._starts) else None

    def follows(self, block: int) -> Key | None:
        """The key after which a block begins that is next to what is known, else None."""
        return self._last_of_known if block == self._known // BLOCK and self._known % BLOCK == 0 else None

    def can_read(self, block: int) -> bool:
        """Whether there is a way to read this block now."""
        if block < 0 or (self.count is not None and block * BLOCK >= self.count):
            return False
        return block == 0 or self.start(block) is not None or self.follows(block) is not None

    def wanted(self, first: int, last: int, margin: int = BLOCK // 4) -> int | None:
        """The block to read next so that rows `first` to `last` can be shown, and then some around them."""
        for low, high in ((first, last), (first - margin, last + margin)):
            for block in range(max(0, low) // BLOCK, max(0, high) // BLOCK + 1):
                if block not in self._blocks and self.can_read(block):
                    return block
                if block in self._blocks:
                    self._blocks.move_to_end(block)
        return None

    def store(self, block: int, rows: list[Row]) -> None:
        """Keeps a block that was read; a short one says where the table ends."""
        self._blocks[block] = rows
        self._blocks.move_to_end(block)
        first, end = block * BLOCK, block * BLOCK + len(rows)
        if rows and block == len(self._starts):
            self._starts.append(rows[0][-2:])
        if self.count is None and first <= self._known <= end:
            self._known = end
            self._last_of_known = rows[-1][-2:] if rows else self._last_of_known
            if len(rows) < BLOCK:
                self.count = end
        while len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)

    def settle(self, count: int, starts: Sequence[Key]) -> None:
        """The anchors are there: the exact count, and the start of every block."""
        self.count = count
        self._starts = list(starts)

    def replace(self, rows: Sequence[Row]) -> int:
        """Puts changed rows in the place of their former selves, wherever they are in memory; how many."""
        changed = {row[-1]: row for row in rows}
        replaced = 0
        for block in self._blocks.values():
            for offset, row in enumerate(block):
                if row[-1] in changed and row != changed[row[-1]]:
                    block[offset] = changed[row[-1]]
                    replaced += 1
        return replaced

    def block_of(self, key: Key, descending: bool) -> int | None:
        """The block in which a key lies, by bisection over the starts; None before the anchors are there."""
        if self.count is None or not self._starts:
            return None
        place = order_key(descending)
        wanted = place(key)
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            if place(self._starts[middle]) <= wanted:
                low = middle
            else:
                high = middle
        return low

    def number_of(self, row_id: int, block: int) -> int | None:
        """The number of the row of that id in a block in memory."""
        for offset, row in enumerate(self._blocks.get(block, ())):
            if row[-1] == row_id:
                return block * BLOCK + offset
        return None


def order_key(descending: bool) -> Callable[[Key], tuple[Any, ...]]:
    """A function that sorts keys as the table does: by value, then id; missing values last either way."""

    def ascending_place(key: Key) -> tuple[Any, ...]:
        value, row_id = key
        return (value is None, 0 if value is None else value, row_id)

    def descending_place(key: Key) -> tuple[Any, ...]:
        value, row_id = key
        return (value is None, _Reversed(0 if value is None else value), -row_id)

    return descending_place if descending else ascending_place


class _Reversed:
    """A value that sorts the other way round; texts have no minus."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)

    def __le__(self, other: _Reversed) -> bool:
        return bool(other.value <= self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]
