"""Bars as a reader finds them: columns in the order of the file, before anything is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.candles import QuarantineRow


@dataclass(frozen=True, eq=False)
class RawBars:
    """The rows of a file that could be parsed; what is missing or not a number is NaN.

    `time` is the open time: an epoch in the unit of the file, or milliseconds where the file has dates,
    UTC unless `is_naive` says that these had no zone. `lines` are the line numbers of the rows, None when
    no row was left out and they can be counted later. `refused` are the rows that could not be parsed at
    all, `notes` what the operator should know of the file besides.
    """

    time: NDArray[np.int64]
    is_epoch: bool
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    symbol: str = ""
    is_naive: bool = False
    lines: NDArray[np.int64] | None = None
    refused: tuple[QuarantineRow, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a row stands in its file, and its text."""

    line: int
    text: str


class CandleReader(Protocol):
    """One way to read files. `read` is fast and `locate` is asked only when something is wrong."""

    @property
    def dialect_name(self) -> str:
        """What the file was recognised as."""

    def read(self) -> RawBars:
        """All rows. Raises CandleFileError for a file that is refused whole."""

    def locate(self, raw: RawBars, rows: Sequence[int]) -> list[Place]:
        """Line number and text of some rows of what `read` returned."""
