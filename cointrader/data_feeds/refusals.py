"""The rows of a file that are left out, and the point at which the whole file is refused with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.raw_bars import CandleReader, RawBars
from storage.candles import QuarantineRow

TOLERATED_ROWS = 10
"""So many rows may be refused in any file that is mostly good; above it, one in a hundred."""

KEPT_ROWS = 10_000
"""Of more refused rows than these only the first of each kind are kept for the report."""


class Refusals:
    """Collects refused rows of one file, first those that its reader could not parse."""

    def __init__(self, path: Path, reader: CandleReader, raw: RawBars) -> None:
        self._path = path
        self._reader = reader
        self._raw = raw
        self._reasons: dict[int, tuple[str, str]] = {}
        self.rows = raw.time.size + len(raw.refused)
        self.count = len(raw.refused)

    def add(self, rows: NDArray[np.int64], reason_of: Callable[[int], tuple[str, str]]) -> None:
        """Refuses rows (indices into the raw bars); `reason_of` gives the field and the reason of one."""
        self.count += rows.size
        self._reasons |= {int(row): reason_of(int(row)) for row in rows[:KEPT_ROWS]}

    def kept(self) -> tuple[QuarantineRow, ...]:
        """The refused rows with line, field, reason and text, by line."""
        rows = sorted(self._reasons)
        places = self._reader.locate(self._raw, rows) if rows else []
        located = [
            QuarantineRow(place.line, *self._reasons[row], place.text)
            for row, place in zip(rows, places, strict=True)
        ]
        return tuple(sorted([*self._raw.refused, *located], key=lambda row: row.line)[:KEPT_ROWS])

    def check(self, bars: int) -> None:
        """Refuses the whole file when too few bars are left, or too many rows were left out.

        A wrong dialect or a switched unit looks just like many bad rows. Raises CandleFileError naming
        the first of them.
        """
        too_many = self.count > max(TOLERATED_ROWS, self.rows // 100) or 2 * self.count > self.rows
        if bars > 0 and not too_many:
            return
        if self.count == 0:
            raise CandleFileError(self._path, 1, "file", "has no rows of candles")
        kept = self.kept()
        reason = (
            f"{kept[0].reason}; {self.count:,} of {self.rows:,} rows are refused, "
            f"too many to trust the others"
        )
        raise CandleFileError(self._path, kept[0].line, kept[0].field, reason, refused=kept)
