"""The decision kernel for a feed: one moment at a time, with Python values in and out.

A paper or live bot calls `Decider.step` once for every moment at which bars close, and `finish` at the end.
It is the same compiled code that a backtest runs over whole columns, and gives the same trades bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.core import decide
from cointrader.core.book import SIGNAL, Book, Market, open_book
from cointrader.core.limits import Rules
from cointrader.trading.position import Records


@dataclass(frozen=True)
class Bar:
    """One closed bar of one symbol."""

    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True)
class Outcome:
    """What one moment brought: verdicts (VERDICT records), closed trades (TRADE records), and the account."""

    verdicts: Records
    trades: Records
    equity: float
    exposure: float


class BadBar(ValueError):
    """A bar that no price can be taken from; nothing was decided on it."""


class Decider:
    """A portfolio of symbols under one set of rules; it owns its book."""

    def __init__(
        self,
        rules: Rules,
        *,
        assets: Sequence[str],
        timeframes_ms: Sequence[int],
        start_equity: float,
        strategies: int,
    ) -> None:
        """Symbol s has base asset `assets[s]`; signals name symbols and strategies by number."""
        self._rules = rules
        self._book = open_book(list(assets), list(timeframes_ms), start_equity, rules.max_per_symbol, 64)
        prices = np.zeros((4, len(assets)))
        exits = np.zeros((strategies, len(assets)), np.uint8)
        self._market = Market(prices[0], prices[1], prices[2], prices[3], exits)
        self._rows = np.empty(len(assets), dtype=np.int64)
        self._now = 0
        self._signals = 0

    def step(
        self,
        now: int,
        bars: Mapping[int, Bar],
        signals: Records | None = None,
        exits: NDArray[np.uint8] | None = None,
    ) -> Outcome:
        """The bars that close at `now` (by symbol number), then the signals of that close.

        `signals` are SIGNAL records, numbered from 0 over the life of the decider; `exits` (strategies,
        symbols) are the strategies' exit bits of this close. Raises BadBar for a price that is not finite
        and positive, and ValueError for a time that does not advance or a symbol that does not exist.
        """
        wanted = np.empty(0, SIGNAL) if signals is None else signals
        self._admit(now, bars, wanted)
        self._market.exits[:] = 0 if exits is None else exits
        self._make_room(wanted.size)
        decide.step(
            self._rules,
            self._book,
            self._market,
            self._rows,
            now,
            wanted,
            0,
            wanted.size,
            self._signals,
        )
        self._signals += wanted.size
        return self._outcome()

    def finish(self) -> Outcome:
        """The end of the data: positions close at the last close, waiting orders are rejected."""
        self._make_room(0)
        decide.finish(self._rules, self._book, self._now)
        return self._outcome()

    def _admit(self, now: int, bars: Mapping[int, Bar], signals: Records) -> None:
        if now <= self._now:
            raise ValueError(f"time must advance: {now} after {self._now}")
        symbols = self._rows.size
        if any(not 0 <= number < symbols for number in (*bars, *signals["symbol"].tolist())):
            raise ValueError(f"symbols are numbered 0 to {symbols - 1}")
        for number, bar in bars.items():
            values = (bar.open, bar.high, bar.low, bar.close)
            if not all(math.isfinite(value) and value > 0.0 for value in values):
                raise BadBar(f"symbol {number}: prices must be finite and positive, got {values}")
            if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
                raise BadBar(f"symbol {number}: open and close must lie between low and high, got {values}")
        self._now = now
        self._rows[:] = -1
        for number, bar in bars.items():
            self._rows[number] = number
            self._market.open[number], self._market.high[number] = bar.open, bar.high
            self._market.low[number], self._market.close[number] = bar.low, bar.close

    def _make_room(self, signals: int) -> None:
        """Each waiting or open slot and each signal can leave one verdict and one trade."""
        book = self._book
        needed = book.slots.size + signals
        if book.verdicts.size < needed:
            self._book = book._replace(
                trades=np.zeros(needed, book.trades.dtype), verdicts=np.zeros(needed, book.verdicts.dtype)
            )

    def _outcome(self) -> Outcome:
        book: Book = self._book
        account = book.account[0]
        outcome = Outcome(
            verdicts=book.verdicts[: account["verdicts"]].copy(),
            trades=book.trades[: account["trades"]].copy(),
            equity=float(account["equity"]),
            exposure=float(account["exposure"]),
        )
        account["verdicts"] = account["trades"] = 0
        return outcome
