"""What feeds recorded, as an agent sees it: columns of numbers, sorted by symbol into what was known when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

import numpy as np

from models.base import FeedRows, TrainingSource
from models.candle_series import CandleSeries, PlainCandles
from models.signal_quality.features import Known

SENTIMENT = (
    ("news_sentiment", "sentiment"),
    ("twitter_sentiment", "sentiment"),
)
MARKET_WIDE = "MARKET"
PRICES = ("crypto_price", "forex_price", "equities_price")


class FeedSource(TrainingSource, Protocol):
    """A source that knows what feeds recorded, too."""

    def feed_symbols(self, type: str) -> tuple[str, ...]:
        """The symbols that there are records of a type of."""
        ...

    def feeds(self, type: str, fields: tuple[str, ...], symbols: Collection[str]) -> FeedRows:
        """The records of a type of some symbols, oldest first, with the named numbers of each."""
        ...


def known_of(source: FeedSource, symbols: Iterable[str]) -> dict[str, dict[str, Known]]:
    """By symbol, by name (sentiment, slippage, spread, liquidity): what was recorded of it, and when.

    Sentiment of the whole market and of the coin itself counts for each of its pairs.
    """
    wanted = tuple(symbols)
    about_all = {symbol: {MARKET_WIDE, symbol, symbol.partition("/")[0]} for symbol in wanted}
    everything = set().union(*about_all.values())
    market = source.feeds("microstructure", ("spread", "liquidity"), wanted)
    slips = source.feeds("slippage", ("slippage",), wanted)
    moods = [source.feeds(type, (field,), everything) for type, field in SENTIMENT]
    found: dict[str, dict[str, Known]] = {}
    for symbol, about in about_all.items():
        series = {
            "sentiment": _joined([_of(rows, about, 0) for rows in moods]),
            "slippage": _of(slips, {symbol}, 0),
            "spread": _of(market, {symbol}, 0),
            "liquidity": _of(market, {symbol}, 1),
        }
        found[symbol] = {name: known for name, known in series.items() if len(known.ts_ms)}
    return found


def recorded_prices(source: FeedSource) -> list[CandleSeries]:
    """Series made of price records, one bar a record; the timeframe is the usual step between two."""
    there: set[str] = set()
    series: list[CandleSeries] = []
    for type in PRICES:
        new = sorted(set(source.feed_symbols(type)) - there)
        rows = source.feeds(type, ("price", "volume"), new)
        for symbol in new:
            made = _series(rows, symbol)
            if made is not None:
                series.append(made)
                there.add(symbol)
    return series


def _series(rows: FeedRows, symbol: str) -> PlainCandles | None:
    mine = _mask(rows, {symbol}) & np.isfinite(rows.values[:, 0]) & (rows.values[:, 0] > 0.0)
    times, first = np.unique(rows.ts_ms[mine], return_index=True)
    if len(times) < 2:
        return None
    price, volume = rows.values[mine][first].T
    price = np.ascontiguousarray(price)
    traded = np.ascontiguousarray(np.where(np.isfinite(volume), np.maximum(volume, 0.0), 0.0))
    step = int(np.median(np.diff(times)))
    return PlainCandles(symbol, max(1, step), times, price, price, price, price, traded)


def _of(rows: FeedRows, symbols: set[str], column: int) -> Known:
    mine = _mask(rows, symbols) & np.isfinite(rows.values[:, column])
    return Known(rows.ts_ms[mine], np.ascontiguousarray(rows.values[mine, column]))


def _mask(rows: FeedRows, symbols: set[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.fromiter((name in symbols for name in rows.symbol), np.bool_, len(rows.symbol))


def _joined(parts: list[Known]) -> Known:
    times = np.concatenate([part.ts_ms for part in parts])
    order = np.argsort(times, kind="stable")
    return Known(times[order], np.concatenate([part.value for part in parts])[order])
