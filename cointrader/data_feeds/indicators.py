"""Indicators of recorded prices, and the signals they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.realtime import RealtimePublisher
from models.indicators.bollinger_bands import bollinger
from models.indicators.moving_average import ema
from models.indicators.rate_of_change import roc
from models.indicators.relative_strength import RsiStream, rsi
from models.indicators.true_range import atr
from models.indicators.volume import VwapStream, vwap
from models.signal_quality.rule import HOLD_STRENGTH, WINDOW, signal_of


class Indicators:
    """Indicators over the last `window` prices, each the latest value of its series."""

    def __init__(self, window: int = WINDOW) -> None:
        self.window = window

    def calculate_rsi(self, prices: Sequence[float]) -> float:
        """Wilder's index in 0..100: 100 without losses, 50 where nothing moved.

        0.0 while there are not `window` changes yet; `process_indicators` gives no index then.
        """
        return _latest(rsi(np.asarray(prices, dtype=np.float64), self.window))

    def calculate_vwap(self, prices: Sequence[float], volumes: Sequence[float]) -> float:
        """sum(price x volume)/sum(volume) of all that is given; the last price where nothing traded."""
        values = np.asarray(prices, dtype=np.float64)
        traded = np.asarray(volumes, dtype=np.float64)
        return _latest(vwap(values, values, values, traded, max(1, len(values))))

    def calculate_ema(self, prices: Sequence[float], period: int = 8) -> float:
        """The exponential average."""
        return _latest(ema(np.asarray(prices, dtype=np.float64), period))

    def calculate_roc(self, prices: Sequence[float], period: int = 5) -> float:
        """The change over `period` prices, in percent; 0.0 while there are fewer."""
        return _latest(roc(np.asarray(prices, dtype=np.float64), period))

    def calculate_atr(self, highs: Sequence[float], lows: Sequence[float], closes: Sequence[float]) -> float:
        """Wilder's average true range; 0.0 while there are fewer bars than the window."""
        high, low, close = (np.asarray(each, dtype=np.float64) for each in (highs, lows, closes))
        return _latest(atr(high, low, close, self.window))

    def calculate_bollinger(self, prices: Sequence[float], period: int = 20) -> tuple[float, float, float]:
        """(lower, middle, upper) band at two deviations; zeros while there are fewer prices."""
        bands = bollinger(np.asarray(prices, dtype=np.float64), period, 2.0)
        return _latest(bands.lower), _latest(bands.middle), _latest(bands.upper)

    def process_indicators(
        self, data: Mapping[str, Any], price_history: Sequence[float], volume_history: Sequence[float]
    ) -> dict[str, Any]:
        """Index and average of a price record and the prices before it, oldest first.

        {symbol, price, timestamp, vwap, rsi}; `rsi` is None while there is too little history.
        """
        prices = [*price_history, float(data["price"])]
        volumes = [*volume_history, float(data["volume"])]
        return {
            "symbol": data["symbol"],
            "price": prices[-1],
            "timestamp": data["timestamp"],
            "rsi": self.calculate_rsi(prices) if len(prices) > self.window else None,
            "vwap": self.calculate_vwap(prices[-self.window :], volumes[-self.window :]),
        }


def _latest(series: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(series[-1]) if series.size and np.isfinite(series[-1]) else 0.0


@dataclass
class IndicatorStream:
    """The same indicators of one symbol, price by price, at a cost that does not grow with the history."""

    window: int = WINDOW
    _rsi: RsiStream = field(init=False)
    _vwap: VwapStream = field(init=False)

    def __post_init__(self) -> None:
        self._rsi, self._vwap = RsiStream(self.window), VwapStream(self.window)

    def update(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What `process_indicators` gives for this price; `rsi` and `vwap` are None during warm-up."""
        price = float(data["price"])
        index, average = (
            self._rsi.update(price),
            self._vwap.update(price, price, price, float(data["volume"])),
        )
        return {
            "symbol": data["symbol"],
            "price": price,
            "timestamp": data["timestamp"],
            "rsi": None if np.isnan(index) else index,
            "vwap": None if np.isnan(average) else average,
        }


def indicator_records(indicators: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One `indicator` record each of the indicators that are known."""
    named = {"symbol": indicators["symbol"], "timestamp": indicators["timestamp"]}
    return [
        {**named, "indicator": name, "value": indicators[name]}
        for name in ("rsi", "vwap")
        if indicators.get(name) is not None
    ]


class SignalGenerator:
    """Makes signals of indicators; given a publisher or a connector it also tells and keeps them."""

    def __init__(self, publisher: RealtimePublisher | None = None, db: DBConnector | None = None) -> None:
        self._publisher, self._db = publisher, db

    def generate_signal(self, indicators: Mapping[str, Any]) -> dict[str, Any]:
        """The `trading_signal` {symbol, signal_type, strength, timestamp} of what `process_indicators` gives.

        RSI > 70 and price > VWAP: sell, strength (rsi - 70)/30; RSI < 30 and price < VWAP: buy, strength
        (30 - rsi)/30; else, and without enough history, hold with 0.5.
        """
        index, average = indicators.get("rsi"), indicators.get("vwap")
        kind, strength = "hold", HOLD_STRENGTH
        if index is not None and average is not None:
            kind, strength = signal_of(index, float(indicators["price"]), average)
        return {
            "symbol": indicators["symbol"],
            "signal_type": kind,
            "strength": strength,
            "timestamp": indicators["timestamp"],
        }

    def process_and_publish(self, indicators: Mapping[str, Any]) -> dict[str, Any]:
        """The signal, kept if there is a connector, published on `trading_signal` if there is a publisher."""
        signal = self.generate_signal(indicators)
        if self._db is not None:
            self._db.store({**signal, "type": "trading_signal"})
        if self._publisher is not None:
            self._publisher.publish("trading_signal", signal)
        return signal
