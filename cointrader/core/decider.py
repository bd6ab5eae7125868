"""The decision kernel for a feed: one moment at a time, with Python values in and out.

A paper or live bot calls `Decider.step` once for every moment at which bars close, and `finish` at the end.
It is the same compiled code that a backtest runs over whole columns, and gives the same trades bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.core import decide
from cointrader.core.book import SIGNAL, Book, Market, open_book
from cointrader.core.book_bytes import pack_book, unpack_book
from cointrader.core.limits import Rules
from cointrader.core.reasons import Reason
from cointrader.trading.position import ExitReason, Phase, Records


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


class ClockBackwards(ValueError):
    """A moment that is not later than the last one; nothing was decided on it."""


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
        and positive, ClockBackwards for a time that does not advance, and ValueError for a symbol that does
        not exist.
        """
        wanted = np.empty(0, SIGNAL) if signals is None else signals
        self._admit(now, bars, wanted)
        self._market.exits[:] = 0 if exits is None else exits
        return self._step(wanted)

    def take(self, signals: Records) -> Outcome:
        """Signals that come after the last moment and before the next one: decided as of the last close.

        Raises ValueError for a symbol that does not exist.
        """
        self._refuse_unknown(signals["symbol"].tolist())
        self._rows[:] = -1
        return self._step(signals)

    def leave(self, signals: Collection[int]) -> Outcome:
        """Order the end, at the next open, of the positions that these signals became.

        One that is ordered but not filled yet is withdrawn. A position that leaves already leaves as it was
        to.
        """
        self._make_room(0)
        book, kept = self._book, 0
        active = int(book.account[0]["active"])
        for k in range(active):
            slot = book.slots[k]
            if int(slot["signal"]) in signals and slot["phase"] == Phase.ORDERED:
                withdrawn = int(Reason.WITHDRAWN)
                decide.add_verdict(book, int(slot["signal"]), self._now, withdrawn, 0.0, 0.0)
                continue
            if int(slot["signal"]) in signals and slot["exit_reason"] == ExitReason.NONE:
                slot["exit_reason"] = int(ExitReason.MANUAL)
            book.slots[kept] = slot
            kept += 1
        book.account[0]["active"] = kept
        return self._outcome()

    def foresee(
        self, now: int, bars: Mapping[int, Bar], exits: NDArray[np.uint8] | None = None
    ) -> tuple[float, Records]:
        """(equity, slots in use) that `step` would find for the signals of this close; nothing changes.

        Raises as `step`.
        """
        kept = self.pack()
        try:
            return self.step(now, bars, None, exits).equity, self.slots
        finally:
            self.unpack(kept)

    @property
    def now(self) -> int:
        """The last moment, 0 before the first."""
        return self._now

    @property
    def signals(self) -> int:
        """How many signals were decided on; the next one has this number."""
        return self._signals

    @property
    def slots(self) -> Records:
        """Copies of the accepted orders and open positions, in their order."""
        return self._book.slots[: int(self._book.account[0]["active"])].copy()

    def close_of(self, symbol: int) -> float:
        """The last close of a symbol, 0 before the first."""
        return float(self._book.symbols[symbol]["close"])

    def begin_at(self, now: int, closes: Mapping[int, float]) -> None:
        """Start after history: its last moment and the last closes that are known. Nothing is decided."""
        self._now = now
        for symbol, close in closes.items():
            self._book.symbols[symbol]["close"] = close

    def pack(self) -> bytes:
        """Everything that the next decision depends on, for `unpack`."""
        return pack_book(self._book, {"now": self._now, "signals": self._signals})

    def unpack(self, content: bytes) -> None:
        """Go on where `pack` was called, with the same rules and symbols. Raises BookUnreadable."""
        header = unpack_book(content, self._book)
        self._now, self._signals = header["now"], header["signals"]

    def _step(self, wanted: Records) -> Outcome:
        self._make_room(wanted.size)
        decide.step(
            self._rules,
            self._book,
            self._market,
            self._rows,
            self._now,
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
            raise ClockBackwards(f"time must advance: {now} after {self._now}")
        self._refuse_unknown((*bars, *signals["symbol"].tolist()))
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

    def _refuse_unknown(self, symbols: Collection[int]) -> None:
        known = self._rows.size
        if any(not 0 <= number < known for number in symbols):
            raise ValueError(f"symbols are numbered 0 to {known - 1}")

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
