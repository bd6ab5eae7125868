"""What agents learn from, read from the workspace: stored candles and stored signals.

Every read adds its lineage; a dataset is as weak as its weakest record, so one synthetic series makes all
that was learned from it synthetic, and no such model is ever promoted.
"""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import load_settings
from cointrader.training.book_source import BOOK_TYPE, books_of
from cointrader.training.closed_source import read_closed_signals
from cointrader.training.cross_model import cnn_of_setups
from cointrader.training.outcomes.rewards import rewards_of_net
from cointrader.training.setup_source import read_experiences, read_setups, states_at
from models.base import FeedRows, SignalRows
from models.candle_series import CandleSeries, FloatArray
from models.decision.closed_signals import ClosedSignals
from models.dqn.cross_features import CrossFeatures
from models.errors import NotEnoughRows
from models.setup_rows import BookRows, ExperienceRows, SetupRows
from storage.candles import CandleFileRow, list_candles, read_candles, timeframe_text
from storage.feed_records import numbers_of, provenances_of, recorded_symbols
from storage.workspace import Workspace

WEAKEST_FIRST = ("synthetic", "import", "backtest", "playback", "paper", "live")


class WorkspaceSource:
    """A `models.base.TrainingSource` over one workspace."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace, self._connection = workspace, connection
        self._lineage: set[str] = set()

    @property
    def provenance(self) -> str:
        """The weakest lineage read so far; anything unknown counts as synthetic."""
        if not self._lineage <= set(WEAKEST_FIRST):
            return WEAKEST_FIRST[0]
        return min(self._lineage, key=WEAKEST_FIRST.index, default="import")

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        """Series of one timeframe, by symbol; raises NotEnoughRows saying what there is instead."""
        known = list_candles(self._connection)
        wanted = None if symbols.strip().lower() == "all" else set(_names(symbols))
        named = [row for row in known if wanted is None or row.symbol.upper() in wanted]
        missing = (wanted or set()) - {row.symbol.upper() for row in named}
        if missing or not named:
            there = ", ".join(sorted({row.symbol for row in known})) or "none"
            asked = ", ".join(sorted(missing)) if missing else "any symbol"
            raise NotEnoughRows(0, 1, f"candles of {asked} (there are: {there})")
        chosen = _of_timeframe(named, timeframe_minutes)
        self._lineage |= {row.provenance for row in chosen}
        # By name and not by row: an import may replace the file between the list and the read.
        return [
            read_candles(self._workspace, row.symbol, row.timeframe_ms, connection=self._connection)
            for row in chosen
        ]

    def setups(self, symbols: str) -> SetupRows:
        """Validated setups of the named symbols; raises NotEnoughRows where there are none."""
        rows, lineage = read_setups(self._connection, self._states, symbols)
        self._lineage |= lineage
        return rows

    def experiences(self, symbols: str) -> ExperienceRows:
        """Experiences of the named symbols; raises NotEnoughRows where there are none."""
        rows, lineage = read_experiences(self._connection, self._states, symbols)
        self._lineage |= lineage
        return rows

    def cnn_features(self, setups: SetupRows) -> CrossFeatures:
        """What the CNN says of setups that none of the versions asked had learned anything of."""
        said = cnn_of_setups(self._workspace, self._connection, setups)
        self._lineage |= said.lineage
        return CrossFeatures(said.features, said.cut_offs)

    def _states(self, places: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        return states_at(self._workspace, self._connection, places)

    def signals(self) -> SignalRows:
        """Every stored signal, oldest first."""
        rows = self._connection.execute("SELECT ts_ms, symbol FROM signal ORDER BY ts_ms, id").fetchall()
        lineage = self._connection.execute("SELECT DISTINCT provenance FROM signal").fetchall()
        self._lineage |= {row[0] for row in lineage}
        moments = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        return SignalRows(moments, tuple(row[1] for row in rows))

    def closed_signals(self, symbols: str, only: Collection[int] | None = None) -> ClosedSignals:
        """Closed signals of the named symbols, oldest first; `only` those of these ids, if given."""
        stored = read_closed_signals(self._connection, symbols, only)
        self._lineage |= stored.lineage
        return stored.closed

    def feed_symbols(self, type: str) -> tuple[str, ...]:
        """The symbols that there are records of a type of."""
        return recorded_symbols(self._connection, type)

    def feeds(self, type: str, fields: tuple[str, ...], symbols: Collection[str]) -> FeedRows:
        """The records of a type of some symbols, oldest first, with the named numbers of each."""
        rows = numbers_of(self._connection, type, fields, symbols)
        self._lineage |= provenances_of(self._connection, type, symbols)
        moments = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        values = np.array([_numbers(row[2:]) for row in rows], dtype=np.float64)
        return FeedRows(moments, tuple(row[1] for row in rows), values.reshape(len(rows), len(fields)))

    def books(self, symbols: str) -> Sequence[BookRows]:
        """Recorded order books of the named symbols, one series a symbol and source; empty where none is."""
        found = books_of(self._connection, symbols)
        self._lineage |= provenances_of(self._connection, BOOK_TYPE, {book.symbol for book in found})
        return found

    def trade_rewards(self, net_return: FloatArray, hold_minutes: float) -> FloatArray:
        """The normalized reward of trades of the default size that returned so much after costs."""
        size = load_settings(self._workspace.config).simulation.size_fraction
        return rewards_of_net(net_return, size, hold_minutes)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def _names(symbols: str) -> list[str]:
    return [name.strip().upper() for name in symbols.split(",") if name.strip()]


def _of_timeframe(rows: list[CandleFileRow], minutes: int) -> list[CandleFileRow]:
    by_timeframe: dict[int, list[CandleFileRow]] = defaultdict(list)
    for row in rows:
        by_timeframe[row.timeframe_ms].append(row)
    if minutes == 0:
        return max(by_timeframe.values(), key=lambda group: sum(row.bars for row in group))
    if minutes * 60_000 not in by_timeframe:
        there = ", ".join(timeframe_text(length) for length in sorted(by_timeframe))
        raise NotEnoughRows(0, 1, f"candles of {timeframe_text(minutes * 60_000)} (there are: {there})")
    return by_timeframe[minutes * 60_000]
