"""A strategy that reads its part from the volume of each bar: 7 wishes a long, 8 a short, 9 leaves.

It stands in for a real strategy where a test works the trades out by hand; it is as pure and as causal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from cointrader.strategies import registry
from cointrader.strategies.base import CLOSE_LONG, CLOSE_SHORT, SignalArrays, no_distance
from models.parameters import parameter
from storage.candles import Candles

LONG, SHORT, LEAVE = 7.0, 8.0, 9.0


@dataclass(frozen=True)
class ScriptedParams:
    stop: float = parameter(3.0, low=0.1, high=1000.0, help="Distance of the stop.")
    target: float = parameter(4.0, low=0.1, high=1000.0, help="Distance of the target.")


class Scripted:
    name = "scripted"
    params = ScriptedParams

    def signals(self, candles: Candles, params: ScriptedParams, *, stop_atr: float = 2.0) -> SignalArrays:
        index = np.flatnonzero((candles.volume == LONG) | (candles.volume == SHORT))
        leaves = np.uint8(CLOSE_LONG | CLOSE_SHORT)
        return SignalArrays(
            index=index,
            side=np.where(candles.volume[index] == LONG, 1, -1).astype(np.int64),
            confidence=np.ones(index.size),
            stop_distance=np.full(index.size, params.stop),
            target_distance=np.full(index.size, params.target),
            trail_distance=no_distance(index.size),
            max_bars=np.zeros(index.size, np.int64),
            exits=np.where(candles.volume == LEAVE, leaves, 0).astype(np.uint8),
        )


SCRIPTED = Scripted()


def register(patch: pytest.MonkeyPatch) -> None:
    """Make the strategy known until the end of a test."""
    module = __name__
    entry = registry.StrategyEntry(
        "scripted", "Scripted", "Does what the volume says.",
        params=f"{module}:ScriptedParams", code=f"{module}:SCRIPTED",
    )  # fmt: skip
    patch.setattr(registry, "STRATEGIES", (*registry.STRATEGIES, entry))


def script(candles: Candles, parts: dict[int, float]) -> Candles:
    """The same bars with these parts in their volume."""
    volume = candles.volume.copy()
    for bar, part in parts.items():
        volume[bar] = part
    return replace(candles, volume=volume)
