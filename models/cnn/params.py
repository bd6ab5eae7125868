"""Parameters of the CNN."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import parameter


@dataclass(frozen=True)
class CnnParams:
    """Windows, network, optimiser and the slices that judge it."""

    steps: int = parameter(1_200, low=10, high=1_000_000, help="Optimiser steps at most.")
    batch_size: int = parameter(128, low=8, high=4_096, unit="rows", help="Rows of one step.")
    learning_rate: float = parameter(
        1e-3, low=1e-7, high=1.0, help="Largest learning rate; it warms up and then falls as a cosine."
    )
    weight_decay: float = parameter(1e-2, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    dropout: float = parameter(0.1, low=0.0, high=0.9, help="Share of the last hidden layer dropped a step.")
    gradient_clip: float = parameter(1.0, low=0.01, high=1e3, help="Largest norm of the whole gradient.")
    window_bars: int = parameter(48, low=16, high=512, unit="bars", help="Bars a window holds at each scale.")
    pivot_bars: int = parameter(
        5,
        low=2,
        high=50,
        unit="bars",
        help="Bars on each side that a turning point must beat; it is known then.",
    )
    channels: int = parameter(64, low=4, high=512, help="Width of the convolution trunk.")
    hidden: int = parameter(64, low=4, high=1_024, help="Width of the layer before the heads.")
    symbols: str = parameter(
        "all", help="Symbols to learn from: all, or a comma list such as BTC/USDT,ETH/USDT."
    )
    timeframe_minutes: int = parameter(
        0, low=0, high=10_080, unit="min", help="Timeframe of the candles; 0 takes the one with most bars."
    )
    max_rows: int = parameter(
        60_000, low=100, high=10_000_000, unit="rows", help="The most recent rows that are learned from."
    )
    evaluate_every: int = parameter(
        100, low=5, high=10_000, unit="steps", help="Steps between two validations."
    )
    evaluate_rows: int = parameter(2_048, low=64, high=100_000, unit="rows", help="Rows of one validation.")
    patience: int = parameter(
        10, low=1, high=1_000, help="Validations without a better loss before training stops early."
    )
    inner_share: float = parameter(0.15, low=0.05, high=0.4, help="Share of the rows for early stopping.")
    test_share: float = parameter(0.15, low=0.05, high=0.4, help="Last share of the rows, which is scored.")
    device: str = parameter(
        "cpu",
        choices=("cpu", "auto"),
        help="cpu repeats to the bit; auto takes a GPU where one answers, and says which.",
    )
