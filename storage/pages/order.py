"""The order of a table in SQL: by a key, then by id, missing keys last.

The order is total, so a row's key (sort value, id) is its place: the page after it is
`WHERE (value, id) > (?, ?) ORDER BY value, id LIMIT n`, which costs the same at any depth where an index
gives the order (keyset pagination; Winand, "We need tool support for keyset pagination"). SQLite sorts
NULL before everything; here missing values come last in both directions, so a nullable order has two
segments, the rows with a value and those without, and each is a plain index range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Value = str | int | float | None
"""What a cell holds."""

Row = tuple[Any, ...]
"""The values of the view's columns in their order, then the sort value and the id."""

Key = tuple[Value, int]
"""The place of a row in an order: its sort value and its id."""


def key_of(row: Row) -> Key:
    """The key of a row."""
    return (row[-2], row[-1])


def id_of(row: Row) -> int:
    """The id of a row."""
    return int(row[-1])


@dataclass(frozen=True)
class Range:
    """A condition and an order that together read one segment; `condition` may be empty."""

    condition: str
    parameters: tuple[Value, ...]
    order: str


@dataclass(frozen=True)
class Order:
    """An order over rows: SQL of the sort value and of the id, and the direction.

    `missing` and `present` are SQL that is true for rows without and with a value, both empty where
    every row has one.
    """

    value: str
    id: str
    descending: bool
    missing: str = ""
    present: str = ""

    @property
    def clause(self) -> str:
        """ORDER BY over the whole set, as one list of terms."""
        terms = self._terms(self.descending)
        return f"{self.missing}, {terms}" if self.missing else terms

    def ranges(self, start: Key | None, *, backward: bool = False, inclusive: bool = False) -> list[Range]:
        """The segments to read, in reading order, from `start` (or from the end) onwards.

        Backward segments yield rows from `start` towards the beginning, that is in reverse.
        """
        descending = self.descending is not backward
        order = self._terms(descending)
        sign = ("<" if descending else ">") + ("=" if inclusive else "")
        place = f"({self.value}, {self.id}) {sign} (?, ?)"
        if not self.missing:
            return [Range("", (), order) if start is None else Range(place, start, order)]
        absent = Range(self.missing, (), f"{self.id} {'DESC' if descending else 'ASC'}")
        present = Range(self.present, (), order)
        if start is None:
            return [absent, present] if backward else [present, absent]
        value, row_id = start
        if value is None:
            here = Range(f"{self.missing} AND {self.id} {sign} ?", (row_id,), absent.order)
            return [here, present] if backward else [here]
        here = Range(f"{self.present} AND {place}", (value, row_id), order)
        return [here] if backward else [here, absent]

    def _terms(self, descending: bool) -> str:
        direction = "DESC" if descending else "ASC"
        return f"{self.value} {direction}, {self.id} {direction}"
