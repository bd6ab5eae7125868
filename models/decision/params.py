"""Parameters of the decision agent."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import parameter


@dataclass(frozen=True)
class DecisionParams:
    """Which closes are learned from, what counts as lately, and the penalties that are tried."""

    symbols: str = parameter(
        "all", help="Symbols to learn from: all, or a comma list such as BTC/USDT,ETH/USDT."
    )
    timeframe_minutes: int = parameter(
        0,
        low=0,
        high=10_080,
        unit="min",
        help="Timeframe of the candles that tell volatility; 0 takes the one with most bars.",
    )
    trailing_closes: int = parameter(
        50, low=5, high=1_000, unit="closes", help="A strategy is known by so many of its latest closes."
    )
    folds: int = parameter(5, low=2, high=20, help="Walk-forward folds that are scored.")
    inner_folds: int = parameter(
        3, low=2, high=10, help="Folds inside each training part that choose the penalty."
    )
    c_low: float = parameter(
        0.001, low=1e-6, high=1e3, help="Smallest inverse strength of the penalty that is tried."
    )
    c_high: float = parameter(
        1.0, low=1e-6, high=1e3, help="Largest inverse strength of the penalty that is tried."
    )
    c_points: int = parameter(
        4, low=1, high=20, help="Penalty strengths that are tried, evenly spaced in logarithm."
    )
    max_rows: int = parameter(
        100_000, low=200, high=10_000_000, unit="rows", help="The most recent closes that are learned from."
    )
