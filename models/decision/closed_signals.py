"""Signals as they stood when they were made, and what became of those that were traded.

The two are kept apart, so that nothing of the outcome can reach the features of the signal itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.base import TrainingSource
from models.candle_series import FloatArray, IntArray


@dataclass(frozen=True)
class AskedSignals:
    """Signals as columns, each of length n, as they were known at `ts_ms`, the close of their bar.

    `side` is 1 long, -1 short, 0 where its sender did not say; `confidence` is 0 to 1 and `exposure` the
    share of equity that other positions held, both NaN where unknown.
    """

    ts_ms: IntArray
    symbol: tuple[str, ...]
    strategy: tuple[str, ...]
    side: IntArray
    confidence: FloatArray
    exposure: FloatArray

    def at(self, rows: IntArray) -> AskedSignals:
        """Some rows only, in that order."""
        chosen = rows.tolist()
        return AskedSignals(
            self.ts_ms[rows],
            tuple(self.symbol[row] for row in chosen),
            tuple(self.strategy[row] for row in chosen),
            self.side[rows],
            self.confidence[rows],
            self.exposure[rows],
        )


@dataclass(frozen=True)
class ClosedSignals:
    """Signals that were traded, oldest first, with when their position had closed and what it brought.

    `pays` is net profit > 0; `net_return` is that profit over the notional, NaN where it is not known.
    """

    asked: AskedSignals
    ends_ms: IntArray
    pays: NDArray[np.bool_]
    net_return: FloatArray

    def __len__(self) -> int:
        return len(self.ends_ms)

    def at(self, rows: IntArray) -> ClosedSignals:
        """Some rows only, in that order."""
        return ClosedSignals(self.asked.at(rows), self.ends_ms[rows], self.pays[rows], self.net_return[rows])

    def in_order(self) -> ClosedSignals:
        """Oldest first, those of one moment by symbol."""
        return self.at(np.lexsort((np.array(self.asked.symbol, dtype=np.str_), self.asked.ts_ms)))


def joined(parts: tuple[ClosedSignals, ...]) -> ClosedSignals:
    """Closes of several sources as one, oldest first."""
    asked = AskedSignals(
        np.concatenate([part.asked.ts_ms for part in parts]),
        sum((part.asked.symbol for part in parts), ()),
        sum((part.asked.strategy for part in parts), ()),
        np.concatenate([part.asked.side for part in parts]),
        np.concatenate([part.asked.confidence for part in parts]),
        np.concatenate([part.asked.exposure for part in parts]),
    )
    whole = ClosedSignals(
        asked,
        np.concatenate([part.ends_ms for part in parts]),
        np.concatenate([part.pays for part in parts]),
        np.concatenate([part.net_return for part in parts]),
    )
    return whole.in_order()


class DecisionSource(TrainingSource, Protocol):
    """A source that knows what traded signals brought."""

    def closed_signals(self, symbols: str) -> ClosedSignals:
        """Signals of the named symbols ("all" or a comma list) whose position has closed, oldest first."""
        ...
