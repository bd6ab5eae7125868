"""Single moves of the kernel, each called from Python by itself: one signal, one order, one position."""

from __future__ import annotations

import numpy as np

from cointrader.core import decide
from cointrader.core.book import Book, Market
from cointrader.core.limits import Rules
from cointrader.trading.position import Records
from models.compiled import kernel_in_place


@kernel_in_place
def take_signal_at(rules: Rules, book: Book, signals: Records, number: int, now_ms: int) -> None:
    """Accepts or rejects the one signal, as the kernel does at a close."""
    decide.take_signal(rules, book, signals[0], number, now_ms)


@kernel_in_place
def meet_order_at(rules: Rules, book: Book, at: int, price: float, now_ms: int) -> None:
    """Fills the order of one slot, or says that it is stale, as the kernel does at an open."""
    decide.meet_order(rules, book, book.slots[at], price, now_ms)


@kernel_in_place
def close_slot_at(rules: Rules, book: Book, at: int, price: float, reason: int, now_ms: int) -> None:
    """Closes the position of one slot, as the kernel does at an open."""
    decide.close_slot(rules, book, book.slots[at], price, reason, now_ms)


def no_market() -> Market:
    """Bars of nobody, where nothing meets a bar."""
    prices = np.zeros((4, 1))
    return Market(prices[0], prices[1], prices[2], prices[3], np.zeros((1, 1), np.uint8))
