"""Where a running program gets its candles from: the workspace as it grows, or its past played again.

Everything that asks for "the candles so far" asks a provider. One that reads the workspace says what has
really closed; one that plays it back says what had closed at a clock that may run faster than ours.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from cointrader.data_feeds.instrument import parse_instrument
from models.candle_series import CandleSeries, truncate
from storage.candles import CandleFileRow, Candles, list_candles, read_candles
from storage.database import open_database
from storage.errors import StorageError
from storage.workspace import Workspace, resolve_workspace

SYMBOLS = ("ETH/USDT", "BTC/USDT")


class NoCandles(StorageError):
    """A symbol that the workspace has no candles of."""


class CandleProvider(Protocol):
    """What the training system needs of a provider; the user's own may stand in its place.

    `provenance` is that of the candles: live, paper, backtest, playback, import or synthetic.
    """

    @property
    def symbols(self) -> Sequence[str]: ...
    @property
    def provenance(self) -> str: ...
    def candles(self, symbol: str) -> CandleSeries:
        """The closed bars of a symbol so far, oldest first; a bar that is not closed yet is not in it."""
        ...


class DataProvider:
    """The candles of some symbols as they are stored, read again whenever a series has grown."""

    def __init__(
        self,
        symbols: Sequence[str] = SYMBOLS,
        workspace: Workspace | None = None,
        *,
        timeframe_minutes: int = 0,
    ) -> None:
        """`timeframe_minutes` 0 takes the shortest timeframe that a symbol has.

        Raises InstrumentError for a symbol that names no pair.
        """
        self._symbols = tuple(parse_instrument(symbol).symbol for symbol in symbols)
        self._workspace = workspace or resolve_workspace()
        self._connection: sqlite3.Connection = open_database(self._workspace)
        self._timeframe_ms = timeframe_minutes * 60_000
        self._kept: dict[str, tuple[str, Candles]] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._symbols

    @property
    def provenance(self) -> str:
        """The weakest lineage of the series: one made-up series makes all of them synthetic."""
        found = {self._row(symbol).provenance for symbol in self._symbols}
        weakest_first = ("synthetic", "import", "backtest", "playback", "paper", "live")
        return min(found, key=weakest_first.index, default="import")

    def candles(self, symbol: str) -> Candles:
        """Every stored bar of a symbol. Raises NoCandles, CandlesMissing and CandlesDamaged."""
        row = self._row(parse_instrument(symbol).symbol)
        known = self._kept.get(row.symbol)
        if known is None or known[0] != row.sha256:
            # By name and not by row: an import may replace the file between the list and the read.
            series = read_candles(self._workspace, row.symbol, row.timeframe_ms, connection=self._connection)
            known = (row.sha256, series)
            self._kept[row.symbol] = known
        return known[1]

    def close(self) -> None:
        """Let the workspace go."""
        self._connection.close()

    def _row(self, symbol: str) -> CandleFileRow:
        rows = [row for row in list_candles(self._connection) if row.symbol == symbol]
        if self._timeframe_ms:
            rows = [row for row in rows if row.timeframe_ms == self._timeframe_ms]
        if not rows:
            raise NoCandles(f"there are no candles of {symbol}; `cointrader import` brings some in")
        return min(rows, key=lambda row: row.timeframe_ms)


class PlaybackProvider:
    """The candles of another provider as they would have come in: none is seen before its close.

    The clock starts at `start_ms` and runs `speed` times as fast as ours; it can also be moved by hand.
    """

    def __init__(
        self,
        source: CandleProvider,
        *,
        start_ms: int,
        speed: float = 1.0,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds` is the clock that playback runs by. Raises ValueError for a speed that is not above 0."""
        if not speed > 0.0:
            raise ValueError(f"the speed of a playback must be above 0, not {speed:g}")
        self._source, self._speed, self._seconds = source, speed, seconds
        self._start_ms, self._began = start_ms, seconds()
        self._ahead_ms = 0

    @property
    def symbols(self) -> Sequence[str]:
        return self._source.symbols

    @property
    def provenance(self) -> str:
        """`playback`, unless what is played was made up."""
        return "synthetic" if self._source.provenance == "synthetic" else "playback"

    @property
    def now_ms(self) -> int:
        """The moment that playback has come to, in UTC milliseconds."""
        return self._start_ms + self._ahead_ms + int((self._seconds() - self._began) * 1_000 * self._speed)

    def advance(self, milliseconds: int) -> None:
        """Moves the clock on. Raises ValueError for a way back: what was seen cannot be unseen."""
        if milliseconds < 0:
            raise ValueError(f"playback only goes forward, not by {milliseconds} ms")
        self._ahead_ms += milliseconds

    def candles(self, symbol: str) -> CandleSeries:
        """The bars that had closed by now."""
        series = self._source.candles(symbol)
        end = int(np.searchsorted(series.close_ms, self.now_ms, side="right"))
        return truncate(series, end)
