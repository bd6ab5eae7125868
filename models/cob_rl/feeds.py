"""What COB RL asks of a source: recorded books, and what a trade of a given return would be rewarded with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models.base import TrainingSource
from models.candle_series import FloatArray
from models.setup_rows import BookRows


class BookSource(TrainingSource, Protocol):
    """A source that knows recorded order books and the reward of a close."""

    def books(self, symbols: str) -> Sequence[BookRows]:
        """Recorded order books of the named symbols ("all" or a comma list); empty where there is none."""
        ...

    def trade_rewards(self, net_return: FloatArray, hold_minutes: float) -> FloatArray:
        """The reward of trades of the default size that returned so much, net, and were held so long.

        It is the normalized reward, which closed positions train with; arrays have one entry a trade.
        """
        ...
