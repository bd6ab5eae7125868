"""Parameters of the signal quality agent."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import parameter


@dataclass(frozen=True)
class SignalQualityParams:
    """What is learned from, how far ahead, and how large the trees may grow."""

    horizon_bars: int = parameter(
        12, low=1, high=2_000, unit="bars", help="The label: has the price gone the signal's way by then?"
    )
    symbols: str = parameter(
        "all", help="Symbols to learn from: all, or a comma list such as BTC/USDT,ETH/USDT."
    )
    timeframe_minutes: int = parameter(
        0, low=0, high=10_080, unit="min", help="Timeframe of the candles; 0 takes the one with most bars."
    )
    sentiment_hours: float = parameter(
        24.0, low=0.1, high=720.0, unit="h", help="Sentiment counts as known for so long."
    )
    market_minutes: float = parameter(
        5.0,
        low=0.01,
        high=1_440.0,
        unit="min",
        help="Spread, liquidity and slippage count as known for so long.",
    )
    folds: int = parameter(5, low=2, high=20, help="Walk-forward folds that are scored.")
    rounds: int = parameter(200, low=5, high=5_000, help="Trees at most; early stopping takes fewer.")
    patience: int = parameter(20, low=1, high=500, help="Trees without a better inner loss that end the fit.")
    learning_rate: float = parameter(0.05, low=0.001, high=1.0, help="How much each tree counts.")
    leaves: int = parameter(15, low=2, high=255, help="Leaves of a tree.")
    least_rows_a_leaf: int = parameter(
        50, low=1, high=10_000, unit="rows", help="Rows a leaf holds at least."
    )
    max_rows: int = parameter(
        40_000, low=500, high=10_000_000, unit="rows", help="The most recent rows that are learned from."
    )
