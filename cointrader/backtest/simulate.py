"""Signals and bars in, trades out: what the decision kernel needs as columns, and one run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core import decide
from cointrader.core.bars import fill_records, first_impossible
from cointrader.core.book import SIGNAL, Book, Market, open_book
from cointrader.core.limits import rules_of
from cointrader.core.quiet import Marks
from cointrader.settings import Settings
from cointrader.strategies.base import SignalArrays
from cointrader.trading.position import Records
from storage.candles import Candles

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]


class BacktestError(ValueError):
    """Input that cannot be tested on; the text says which and why."""


@dataclass(frozen=True)
class Made:
    """The signals of one strategy on one symbol, both by number."""

    symbol: int
    strategy: int
    signals: SignalArrays


@dataclass(frozen=True)
class Simulation:
    """What the kernel decided. `signals` and `verdicts` go together; `trades` are ordered by their close."""

    signals: Records
    verdicts: Records
    trades: Records
    marks: Marks


@dataclass(frozen=True)
class Outcome:
    """What a run came to: signals, those that became a position, those that won, and the last equity."""

    signals: int
    accepted: int
    wins: int
    end_equity: float


class Bars:
    """The columns of several symbols, one after the other, made once for many runs."""

    def __init__(self, series: Sequence[Candles]) -> None:
        """Raises BacktestError for a series without bars, or with a bar that could not have happened."""
        for item in series:
            _refuse_unusable(item)
        self.assets = [item.symbol.partition("/")[0] for item in series]
        self.timeframes_ms = [item.timeframe_ms for item in series]
        self.offsets = np.concatenate(([0], np.cumsum([len(item) for item in series]))).astype(np.int64)
        self.close_ms: IndexArray = _joined([item.close_ms for item in series])
        self.open: FloatArray = _joined([item.open for item in series])
        self.high: FloatArray = _joined([item.high for item in series])
        self.low: FloatArray = _joined([item.low for item in series])
        self.close: FloatArray = _joined([item.close for item in series])

    def market(self, made: Sequence[Made]) -> Market:
        """The bars with the leave rules of these strategies."""
        strategies = 1 + max(item.strategy for item in made)
        bars = int(self.offsets[-1])
        if len(made) == 1 and strategies == 1 and self.offsets.size == 2:
            exits = np.ascontiguousarray(made[0].signals.exits).reshape(1, bars)
        else:
            exits = np.zeros((strategies, bars), np.uint8)
            for item in made:
                first, stop = self.offsets[item.symbol : item.symbol + 2]
                exits[item.strategy, first:stop] = item.signals.exits
        return Market(self.open, self.high, self.low, self.close, exits)

    def signals(self, made: Sequence[Made], room: Records | None = None) -> Records:
        """SIGNAL records ordered by (time, symbol, strategy); `made` is ordered by (symbol, strategy).

        They are written into `room` where that is large enough.
        """
        count = sum(len(item.signals) for item in made)
        records = np.empty(count, SIGNAL) if room is None or room.size < count else room[:count]
        first = 0
        for item in made:
            found = item.signals
            fill_records(
                records[first : first + len(found)],
                item.symbol,
                item.strategy,
                int(self.offsets[item.symbol]),
                self.close_ms,
                found.index,
                found.side,
                found.max_bars,
                found.confidence,
                found.stop_distance,
                found.target_distance,
                found.trail_distance,
            )
            first += len(found)
        return records if len(made) == 1 else records[np.argsort(records["ts_ms"], kind="stable")]


def simulate(bars: Bars, made: Sequence[Made], settings: Settings) -> Simulation:
    """Decide on all signals over all bars, and keep everything."""
    signals = bars.signals(made)
    room = int(bars.offsets[-1])
    marks = Marks(np.empty(room, np.int64), np.empty(room), np.empty(room))
    book, moments = _run(bars, made, signals, settings, marks, signals.size)
    account = book.account[0]
    verdicts, trades = book.verdicts[: account["verdicts"]], book.trades[: account["trades"]]
    return Simulation(
        signals=signals,
        verdicts=_in_order(verdicts, verdicts["signal"]),
        trades=_in_order(trades, trades["exit_ms"]),
        marks=Marks(marks.close_ms[:moments], marks.equity[:moments], marks.exposure[:moments]),
    )


def outcome(bars: Bars, made: Sequence[Made], settings: Settings, room: Records | None = None) -> Outcome:
    """Decide as `simulate` does, and keep only what it came to; `room` is used again for the signals."""
    nothing = np.empty(0)
    marks = Marks(np.empty(0, np.int64), nothing, nothing)
    book, _ = _run(bars, made, bars.signals(made, room), settings, marks, None)
    account = book.account[0]
    return Outcome(
        signals=int(account["verdicts"]),
        accepted=int(account["accepted"]),
        wins=int(account["wins"]),
        end_equity=float(account["equity"]),
    )


def _run(
    bars: Bars, made: Sequence[Made], signals: Records, settings: Settings, marks: Marks, outbox: int | None
) -> tuple[Book, int]:
    rules = rules_of(settings)
    start = settings.simulation.start_equity
    book = open_book(bars.assets, bars.timeframes_ms, start, rules.max_per_symbol, outbox)
    rows, next_row = np.empty((2, len(bars.assets)), np.int64)
    moments = decide.run(
        rules, book, bars.market(made), bars.close_ms, bars.offsets, signals, marks, next_row, rows
    )
    return book, moments


def _refuse_unusable(candles: Candles) -> None:
    if len(candles) == 0:
        raise BacktestError(f"{candles.symbol}: no bars")
    bad = int(first_impossible(candles.open, candles.high, candles.low, candles.close))
    if bad < len(candles):
        prices = ", ".join(
            f"{name} {candles.columns[name][bad]}" for name in ("open", "high", "low", "close")
        )
        raise BacktestError(f"{candles.symbol}: bar {bad} could not have happened: {prices}")


def _joined(parts: list[Any]) -> Any:
    return np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)


def _in_order(records: Records, keys: Any) -> Records:
    """The records by ascending key, ties as they stand."""
    if bool(np.all(keys[1:] >= keys[:-1])):
        return records
    return records[np.argsort(keys, kind="stable")]
