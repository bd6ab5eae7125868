"""Agents and gates that are asked about a signal before the kernel decides: they can only say no.

They are asked before the transaction of the moment begins, so that one who takes his time keeps nobody from
writing. After a crash in between they are asked again: nothing was decided.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.trading.position import Records
from storage.candles import Candles
from storage.core_decisions import Refusal


@dataclass(frozen=True)
class Judged:
    """What was said of one signal; without a refusal the kernel decides on it.

    `keep` writes the answers beside the signal's row, in the transaction that stores it.
    """

    refusal: Refusal | None = None
    keep: Callable[[sqlite3.Connection, int], object] | None = None


Screen = Callable[[Records, Candles], Judged]
"""Asks about one SIGNAL record; the candles end with its bar."""


@dataclass(frozen=True)
class Screened:
    """The signals of some moments with what was said of each."""

    signals: Records
    judged: tuple[Judged, ...]

    @property
    def passed(self) -> NDArray[np.bool_]:
        """Which of them the kernel is to decide on."""
        return np.array([item.refusal is None for item in self.judged], np.bool_)

    def part(self, first: int, stop: int) -> Screened:
        """Those of one moment."""
        return Screened(self.signals[first:stop], self.judged[first:stop])


def screened(signals: Records, screen: Screen | None, series: Callable[[int], Candles]) -> Screened:
    """Ask about each signal; without a screen all of them pass."""
    if screen is None:
        return Screened(signals, (Judged(),) * signals.size)
    told = []
    for signal in signals:
        row = int(signal["row"])
        told.append(screen(signal, series(int(signal["symbol"])).cut(0, row + 1)))
    return Screened(signals, tuple(told))
