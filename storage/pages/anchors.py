"""Anchors: the key of every 256th row of an order, so that a table can jump to any row number.

One window query numbers the rows inside SQLite and lets only every 256th leave: 10 million rows come
out as 39 thousand keys. It also yields the exact count.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.pages.order import Key, Order, Value

EVERY = 256
"""Rows between two anchors."""


@dataclass(frozen=True)
class Anchors:
    """The exact number of rows, and the keys of the rows numbered 0, `every`, 2 x `every`, ..."""

    count: int
    every: int
    keys: tuple[Key, ...]

    def before(self, row_number: int) -> tuple[Key, int]:
        """The nearest anchor at or before a row (counted from 0), and how many rows to skip from it.

        Raises IndexError for a row that does not exist.
        """
        if not 0 <= row_number < self.count:
            raise IndexError(f"row {row_number} of {self.count}")
        return self.keys[row_number // self.every], row_number % self.every


def anchor_query(source: str, order: Order) -> str:
    """SQL that yields (number from 1, sort value, id) of some rows: anchors, the first few, and the last.

    `source` is everything from FROM to the end of WHERE; after its own parameters come `every`, and up
    to which number all rows are wanted. The last row is known by having no follower, so the count costs
    no second pass.
    """
    return (
        "SELECT number, value, id FROM ("
        f"SELECT {order.value} AS value, {order.id} AS id, row_number() OVER o AS number, "
        f"lead({order.id}) OVER o AS follower {source} WINDOW o AS (ORDER BY {order.clause})"
        ") WHERE (number - 1) % ? = 0 OR number <= ? OR follower IS NULL ORDER BY number"
    )


def to_anchors(rows: list[tuple[int, Value, int]], every: int) -> Anchors:
    """Anchors from what the query yields."""
    if not rows:
        return Anchors(0, every, ())
    keys = tuple((value, row_id) for number, value, row_id in rows if (number - 1) % every == 0)
    return Anchors(rows[-1][0], every, keys)
