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

from cointrader.core.paper.moments import Moments
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


@dataclass(frozen=True)
class Standing:
    """The account as a signal finds it: `held` is the notional of earlier orders and positions that stay."""

    equity: float
    held: float

    @property
    def exposure(self) -> float:
        """The share of equity that is held."""
        return self.held / self.equity if self.equity > 0.0 else float("nan")


Screen = Callable[[Records, Candles, Standing], Judged]
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


def unscreened(signals: Records) -> Screened:
    """Signals that nobody is asked about."""
    return Screened(signals, (Judged(),) * signals.size)


def screened(
    signals: Records, screen: Screen, series: Callable[[int], Candles], standing: Standing
) -> Screened:
    """Ask about each signal of one moment."""
    told = []
    for signal in signals:
        row = int(signal["row"])
        told.append(screen(signal, series(int(signal["symbol"])).cut(0, row + 1), standing))
    return Screened(signals, tuple(told))


def one_turn(moments: Moments, signals: Records) -> Moments:
    """As many moments as can be decided on before somebody has to be asked again.

    Who is asked knows what every earlier signal has come to, however many moments are ready. So the turn ends
    before the next moment with signals.
    """
    places = np.searchsorted(moments.close_ms, np.unique(signals["ts_ms"]))
    later = places[places > 0]
    return moments.head(int(later[0])) if later.size else moments
