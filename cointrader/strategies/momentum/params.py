"""Parameters of the momentum strategy."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import ParameterError, parameter


@dataclass(frozen=True)
class MomentumParams:
    """Periods in bars, distances in average true ranges."""

    fast: int = parameter(8, low=2, high=500, unit="bars", help="Period of the fast average.")
    slow: int = parameter(21, low=3, high=1000, unit="bars", help="Period of the slow average.")
    roc: int = parameter(5, low=1, high=500, unit="bars", help="Span of the rate of change.")
    atr: int = parameter(14, low=2, high=500, unit="bars", help="Period of the average true range.")
    target_atr: float = parameter(4.0, low=0.1, high=100.0, unit="ATR", help="Distance of the target.")
    max_bars: int = parameter(96, low=1, high=100_000, unit="bars", help="Longest time in a position.")

    def __post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ParameterError("fast", self.fast, f"must be shorter than slow ({self.slow} bars)")
