"""What a program may put in place of our parts. Any object with these methods will do; nothing is inherited.

A provider of candles is `cointrader.data_feeds.data_provider.CandleProvider`. All times are UTC milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Decision:
    """What was decided at the close of a bar: the side ("long" or "short"), and whether it was traded."""

    side: str
    accepted: bool = True

    def __post_init__(self) -> None:
        if self.side not in ("long", "short"):
            raise ValueError(f"the side of a decision is 'long' or 'short', not {self.side!r}")


@dataclass(frozen=True)
class FinishedTrade:
    """A trade that was closed. Money in the quote currency, `pnl` net of all costs, equity that at entry.

    `signal_ms` is the close of the bar at which it was decided, and `side` the side of the entry. Raises
    ValueError naming what cannot be: nothing could be learned from such a trade, now or later.
    """

    symbol: str
    side: str
    signal_ms: int
    opened_ms: int
    closed_ms: int
    pnl: float
    notional: float
    equity: float

    def __post_init__(self) -> None:
        if self.side not in ("long", "short"):
            raise ValueError(f"the side of a trade is 'long' or 'short', not {self.side!r}")
        if not math.isfinite(self.pnl):
            raise ValueError(f"the pnl of a trade is a finite number, not {self.pnl}")
        for name in ("notional", "equity"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"the {name} of a trade is above 0 and finite, not {getattr(self, name)}")
        if not self.signal_ms <= self.opened_ms <= self.closed_ms:
            raise ValueError(
                f"a trade is decided, opened and closed in this order, not at {self.signal_ms}, "
                f"{self.opened_ms} and {self.closed_ms} ms"
            )


@runtime_checkable
class Orchestrator(Protocol):
    """Says what was decided; a program without one has setups that nobody decided on."""

    def decision(self, symbol: str, ts_ms: int) -> Decision | None:
        """The decision at the bar of `symbol` that closed at `ts_ms`; None where there was none."""
        ...


@runtime_checkable
class TradingExecutor(Protocol):
    """Says how trades ended; they become experiences."""

    def closed_trades(self, after_ms: int) -> Sequence[FinishedTrade]:
        """The trades that were closed later than `after_ms`, oldest first."""
        ...


@runtime_checkable
class EpisodeTrainer(Protocol):
    """Trains a network on episodes: `cointrader.training.cnn_training_pipeline.CNNTrainer` is one."""

    def train_on_profitable_episodes(
        self, symbol: str, min_profitability: float = 0.7, max_episodes: int = 500
    ) -> object:
        """Trains on the episodes of `symbol` with at least this score, and on a control beside them."""
        ...


@runtime_checkable
class ExperienceTrainer(Protocol):
    """Trains an agent on experiences: `cointrader.training.rl_training_pipeline.RLTrainer` is one."""

    def train_on_experiences(self, symbol: str) -> object:
        """Trains on what is stored of `symbol`."""
        ...
