"""The candles of a run as they are stored, read again whenever an import has made a series grow."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cointrader.core.bars import first_impossible
from cointrader.core.decider import BadBar
from storage.candles import Candles, candle_record, read_candles
from storage.workspace import Workspace


@dataclass(frozen=True)
class Grown:
    """A series that has new bars. `late` of them closed at or before what was decided last."""

    symbol: int
    series: Candles
    late: int


class StoredSeries:
    """The series of the symbols of one run, by number; a symbol may have none yet."""

    def __init__(
        self,
        workspace: Workspace,
        connection: sqlite3.Connection,
        symbols: Sequence[str],
        timeframes_ms: Sequence[int],
    ) -> None:
        self._workspace, self._connection = workspace, connection
        self.symbols, self.timeframes_ms = tuple(symbols), tuple(timeframes_ms)
        self._known: dict[int, tuple[str, Candles]] = {}

    def look(self, after_ms: int) -> list[Grown]:
        """The series that have changed since the last look; `after_ms` is the last moment decided on.

        Raises BadBar for a bar that could not have happened, CandlesMissing and CandlesDamaged; what was
        known stays known then.
        """
        grown = []
        for number, symbol in enumerate(self.symbols):
            row = candle_record(self._connection, symbol, self.timeframes_ms[number])
            known = self._known.get(number)
            if row is None or (known is not None and known[0] == row.sha256):
                continue
            series = read_candles(
                self._workspace, symbol, self.timeframes_ms[number], connection=self._connection
            )
            refuse_impossible(series)
            late = 0 if known is None else _until(series, after_ms) - _until(known[1], after_ms)
            self._known[number] = (row.sha256, series)
            grown.append(Grown(number, series, late))
        return grown

    def series(self, symbol: int) -> Candles | None:
        """What is known of a symbol, None before its first bar."""
        known = self._known.get(symbol)
        return None if known is None else known[1]

    @property
    def closes(self) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
        """The closes of every symbol."""
        nothing = np.empty(0, np.int64)
        found = [self.series(number) for number in range(len(self.symbols))]
        return [nothing if series is None else series.close_ms for series in found]


def refuse_impossible(series: Candles) -> None:
    """Raises BadBar for the first bar whose prices are not finite, not positive, or not in order."""
    bad = int(first_impossible(series.open, series.high, series.low, series.close))
    if bad < len(series):
        prices = ", ".join(f"{name} {values[bad]}" for name, values in series.columns.items())
        raise BadBar(
            f"{series.symbol}: the bar that closed at {series.close_ms[bad]} is impossible: {prices}"
        )


def _until(series: Candles, after_ms: int) -> int:
    return int(np.searchsorted(series.close_ms, after_ms, side="right"))
