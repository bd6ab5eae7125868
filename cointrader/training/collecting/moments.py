"""The moments of a series at which a setup is collected, and what called for each.

By precedence: a signal, a rapid change, an extreme of the last closes, else every so many bars - counted from
1970, so that a later start of the history chooses the same ones.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.training.collecting.columns import SeriesColumns
from models.candle_series import IntArray
from models.setup_rows import BUY, HOLD, SELL
from storage.setups import signals_of

ORIGINS = ("signal", "rapid", "extreme", "interval")
SIGNAL, RAPID, EXTREME, INTERVAL = range(len(ORIGINS))
NO_SIGNAL = -1
LONG, SHORT = 1, -1


@dataclass(frozen=True)
class Signals:
    """Signals of one symbol, oldest first, one a moment: `side` is 1 long or -1 short."""

    ts_ms: IntArray
    id: IntArray
    side: NDArray[np.int8]
    accepted: NDArray[np.bool_]

    @classmethod
    def none(cls) -> Signals:
        """No signals at all."""
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty.astype(np.int8), empty.astype(np.bool_))


@dataclass(frozen=True)
class Moments:
    """Bars chosen from a series, oldest first: `origin` is a place in ORIGINS, `side` 1 or -1, `taken` an
    action, `signal_id` -1 where there was no signal.
    """

    bar: IntArray
    origin: NDArray[np.int8]
    side: NDArray[np.int8]
    taken: IntArray
    signal_id: IntArray

    def where(self, chosen: NDArray[np.bool_] | IntArray | slice) -> Moments:
        """Some of them."""
        return Moments(
            self.bar[chosen],
            self.origin[chosen],
            self.side[chosen],
            self.taken[chosen],
            self.signal_id[chosen],
        )


def read_signals(connection: sqlite3.Connection, symbol: str, after_ms: int = -1) -> Signals:
    """The stored signals of a symbol later than a time."""
    rows = signals_of(connection, symbol, after_ms)
    return Signals(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([LONG if row[2] == "long" else SHORT for row in rows], dtype=np.int8),
        np.array([row[3] for row in rows], dtype=np.bool_),
    )


def choose_moments(
    columns: SeriesColumns, signals: Signals, interval_bars: int, first_bar: int = 0
) -> Moments:
    """The moments from `first_bar` on.

    The side is that of the signal, of the move, away from the extreme (long at a low), else long; `taken`
    is the action of an accepted signal, else HOLD.
    """
    count = len(columns.close_ms)
    origin = np.full(count, -1, dtype=np.int8)
    side = np.full(count, LONG, dtype=np.int8)
    origin[columns.close_ms // columns.timeframe_ms % interval_bars == 0] = INTERVAL
    extreme = columns.extreme != 0
    origin[extreme], side[extreme] = EXTREME, -columns.extreme[extreme]
    rapid = columns.rapid.fired
    origin[rapid] = RAPID
    side[rapid] = np.where(_moves_of(columns)[rapid] < 0.0, SHORT, LONG)
    taken = np.full(count, HOLD, dtype=np.int64)
    signal_id = np.full(count, NO_SIGNAL, dtype=np.int64)
    place = np.searchsorted(columns.close_ms, signals.ts_ms)
    there = np.flatnonzero(place < count)
    there = there[columns.close_ms[place[there]] == signals.ts_ms[there]]
    at = place[there]
    origin[at], side[at], signal_id[at] = SIGNAL, signals.side[there], signals.id[there]
    action = np.where(signals.side[there] == LONG, BUY, SELL)
    taken[at] = np.where(signals.accepted[there], action, HOLD)
    chosen = origin >= 0
    chosen[:first_bar] = False
    bar = np.flatnonzero(chosen)
    return Moments(bar, origin[bar], side[bar], taken[bar], signal_id[bar])


def _moves_of(columns: SeriesColumns) -> NDArray[np.float64]:
    """The velocity of every bar, 0 where it is not known."""
    return np.nan_to_num(columns.rapid.velocity)
