"""An account over another list of symbols: one more, or fewer, and everything else as it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cointrader.core.book import Book, open_book

NEW = -1
OUTBOX = 8


def fresh_book(symbols: Sequence[str], bar_ms: int, start_equity: float, per_symbol: int) -> Book:
    """A book over these symbols (BTC/USDT), with `bar_ms` as the bar of each of them."""
    bases = [symbol.partition("/")[0] for symbol in symbols]
    return open_book(bases, [bar_ms] * len(symbols), start_equity, per_symbol, OUTBOX)


def carry_over(before: Book, after: Book, places: Sequence[int]) -> Book:
    """Fills `after` with the account of `before`; `places` says where each of its symbols stood, or NEW."""
    after.account[:] = before.account
    number = {old: new for new, old in enumerate(places) if old != NEW}
    for old, new in number.items():
        for name in ("close", "long_ms", "short_ms"):
            after.symbols[name][new] = before.symbols[name][old]
    active = int(before.account[0]["active"])
    after.slots[:active] = before.slots[:active]
    for slot in after.slots[:active]:
        slot["symbol"] = number[int(slot["symbol"])]
    return after


def places_in_use(book: Book, now_ms: int, cooldown_ms: int) -> list[int]:
    """The symbols that a decision may still depend on: held ones, and those that pause after a fill."""
    held = set(book.slots["symbol"][: int(book.account[0]["active"])].tolist())
    filled_ms = np.maximum(book.symbols["long_ms"], book.symbols["short_ms"])
    paused = np.flatnonzero(now_ms - filled_ms < cooldown_ms).tolist()
    return sorted(held.union(paused))
