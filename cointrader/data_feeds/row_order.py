"""Rows into the order of time, each time once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.raw_bars import RawBars

Rows = NDArray[np.int64] | slice
"""Rows of the raw bars: their indices, or slice(None) for all as they stand, which copies nothing."""


@dataclass(frozen=True, eq=False)
class RowOrder:
    """The rows to keep in order of time, and what was found on the way.

    `out_of_order` counts rows that come after a later one, `duplicates` rows that repeat another one
    in every value; `conflicts` are the rows whose time was there before with other values.
    """

    rows: Rows
    out_of_order: int
    duplicates: int
    conflicts: NDArray[np.int64]


def put_in_order(raw: RawBars, open_ms: NDArray[np.int64], possible: NDArray[np.bool_] | None) -> RowOrder:
    """Sorts the possible rows (None: all) by time; of rows with the same time the first is kept."""
    rows: Rows = slice(None) if possible is None else np.flatnonzero(possible)
    times = open_ms[rows]
    none = np.empty(0, dtype=np.int64)
    if bool(np.all(times[1:] > times[:-1])):
        return RowOrder(rows, 0, 0, none)
    out_of_order = int(np.count_nonzero(times[1:] < np.maximum.accumulate(times)[:-1]))
    rows = np.arange(open_ms.size)[rows][np.argsort(times, kind="stable")]
    times = open_ms[rows]
    repeats = np.concatenate(([False], times[1:] == times[:-1]))
    # The place of the first row with the same time, for every row.
    first = np.maximum.accumulate(np.where(repeats, 0, np.arange(rows.size)))
    equal = np.ones(rows.size, dtype=np.bool_)
    for values in (raw.open, raw.high, raw.low, raw.close, raw.volume):
        equal &= values[rows] == values[rows[first]]
    return RowOrder(
        rows=rows[~repeats],
        out_of_order=out_of_order,
        duplicates=int(np.count_nonzero(repeats & equal)),
        conflicts=np.sort(rows[repeats & ~equal]),
    )
