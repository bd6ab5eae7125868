"""The candles of one symbol and timeframe, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.errors import StorageError


class CandlesMissing(StorageError):
    """No such series is in the workspace, or its file is gone; the text says how to get it back."""


class CandlesDamaged(StorageError):
    """A Parquet file is not the one that the database vouches for; nothing of it was parsed."""


@dataclass(frozen=True, eq=False)
class Candles:
    """Bars in order of time, each time once; times are UTC milliseconds at the bar's close.

    All arrays have shape (bars,): int64 times, float64 values; volume is in the base currency. A
    missing bar is missing: it is never filled. Raises ValueError when the arrays are not like that.
    """

    symbol: str
    timeframe_ms: int
    close_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.timeframe_ms <= 0:
            raise ValueError(f"{self.symbol}: the timeframe must be positive, not {self.timeframe_ms} ms")
        if self.close_ms.dtype != np.int64 or self.close_ms.ndim != 1:
            raise ValueError(f"{self.symbol}: close_ms must be one-dimensional int64")
        for name, values in self.columns.items():
            if values.dtype != np.float64 or values.shape != self.close_ms.shape:
                raise ValueError(f"{self.symbol}: {name} must be float64 and as long as close_ms")
        if not bool(np.all(self.close_ms[1:] > self.close_ms[:-1])):
            raise ValueError(f"{self.symbol}: close_ms must rise from bar to bar")

    def __len__(self) -> int:
        return int(self.close_ms.size)

    def cut(self, first: int, end: int) -> Candles:
        """The bars from `first` up to, without, `end`; their arrays are views."""
        return Candles(
            symbol=self.symbol,
            timeframe_ms=self.timeframe_ms,
            close_ms=self.close_ms[first:end],
            **{name: values[first:end] for name, values in self.columns.items()},
        )

    @property
    def columns(self) -> dict[str, NDArray[np.float64]]:
        """The five value columns by name, in the order of a bar."""
        return {
            "open": self.open,
            "high": self.high,
            "low": self.low,
            "close": self.close,
            "volume": self.volume,
        }
