"""Parameters of the mean-reversion strategy."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import ParameterError, parameter


@dataclass(frozen=True)
class MeanBotParams:
    """The score is in stationary standard deviations, positive below the mean."""

    window: int = parameter(288, low=30, high=10_000, unit="bars", help="Closes that are fitted.")
    enter: float = parameter(2.0, low=0.1, high=3.0, help="Enter at this absolute score.")
    leave: float = parameter(0.5, low=0.0, high=3.0, help="Leave at this absolute score.")
    p_value: float = parameter(
        0.05, low=0.0001, high=1.0, help="Largest p of the unit-root test that counts as stationary."
    )
    atr: int = parameter(14, low=2, high=500, unit="bars", help="Period of the average true range.")
    half_lives: float = parameter(3.0, low=0.1, high=100.0, help="Longest time in a position.")
    max_bars: int = parameter(96, low=1, high=100_000, unit="bars", help="Longest time in any case.")

    def __post_init__(self) -> None:
        if self.leave >= self.enter:
            raise ParameterError("leave", self.leave, f"must be smaller than enter ({self.enter:g})")
