"""Parameters of the signal classifier."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import parameter


@dataclass(frozen=True)
class SignalClassifierParams:
    """What is learned from, how far ahead, and the grid that is searched."""

    horizon_bars: int = parameter(
        12, low=1, high=2_000, unit="bars", help="The label: is the close this many bars later higher?"
    )
    sample: str = parameter(
        "auto",
        choices=("auto", "signals", "bars"),
        help="Bars to learn from: those with a stored signal, or all; auto: signals when there are enough.",
    )
    symbols: str = parameter(
        "all", help="Symbols to learn from: all, or a comma list such as BTC/USDT,ETH/USDT."
    )
    timeframe_minutes: int = parameter(
        0, low=0, high=10_080, unit="min", help="Timeframe of the candles; 0 takes the one with most bars."
    )
    folds: int = parameter(5, low=2, high=20, help="Walk-forward folds that are scored.")
    inner_folds: int = parameter(
        3, low=2, high=10, help="Folds inside each training part that choose the grid point."
    )
    c_low: float = parameter(
        0.001, low=1e-6, high=1e3, help="Smallest inverse strength of the penalty in the grid."
    )
    c_high: float = parameter(
        1.0, low=1e-6, high=1e3, help="Largest inverse strength of the penalty in the grid."
    )
    c_points: int = parameter(
        4, low=1, high=20, help="Penalty strengths in the grid, evenly spaced in logarithm."
    )
    l1_points: int = parameter(
        3, low=1, high=11, help="Mixes of the L1 and L2 penalty in the grid, from ridge (0) to lasso (1)."
    )
    max_rows: int = parameter(
        40_000, low=2_000, high=10_000_000, unit="rows", help="The most recent rows that are learned from."
    )
    max_iterations: int = parameter(200, low=10, high=10_000, help="Passes of the solver over the rows.")
