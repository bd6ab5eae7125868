"""Parameters of the DQN."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import parameter


@dataclass(frozen=True)
class DqnParams:
    """Network, targets, which experiences are drawn, and the slices that judge it."""

    steps: int = parameter(3_000, low=10, high=10_000_000, help="Optimiser steps at most.")
    batch_size: int = parameter(32, low=4, high=4_096, unit="rows", help="Experiences of one step.")
    learning_rate: float = parameter(1e-3, low=1e-7, high=1.0, help="Learning rate of Adam.")
    gamma: float = parameter(0.99, low=0.0, high=0.9999, help="What a reward one setup later is worth now.")
    gradient_clip: float = parameter(10.0, low=0.01, high=1e4, help="Largest norm of the whole gradient.")
    target_update: int = parameter(
        500, low=1, high=1_000_000, unit="steps", help="Steps between two copies to the target network."
    )
    hidden: int = parameter(64, low=4, high=1_024, help="Width of both hidden layers.")
    warm_up: int = parameter(
        200, low=8, high=1_000_000, unit="rows", help="Experiences to learn from before the first step."
    )
    epsilon_start: float = parameter(
        1.0, low=0.0, high=1.0, help="Share of random actions when it begins to act."
    )
    epsilon_end: float = parameter(0.05, low=0.0, high=1.0, help="Share of random actions in the end.")
    epsilon_steps: int = parameter(
        10_000, low=1, high=100_000_000, unit="steps", help="Steps from the first share to the last."
    )
    priority_exponent: float = parameter(
        0.6, low=0.0, high=2.0, help="How much more often a high priority is drawn; 0 draws uniformly."
    )
    first_correction: float = parameter(
        0.4, low=0.0, high=1.0, help="How far the first steps undo the priorities; the last ones do wholly."
    )
    rapid_share: float = parameter(0.2, low=0.0, high=1.0, help="Largest share of rapid setups in a batch.")
    prioritize_profitable: bool = parameter(
        False, help="Draw a quarter of each batch from profitable experiences alone."
    )
    symbols: str = parameter(
        "all", help="Symbols to learn from: all, or a comma list such as BTC/USDT,ETH/USDT."
    )
    max_rows: int = parameter(
        200_000, low=200, high=10_000_000, unit="rows", help="The most recent rows that are learned from."
    )
    evaluate_every: int = parameter(
        200, low=5, high=100_000, unit="steps", help="Steps between two validations."
    )
    patience: int = parameter(
        10, low=1, high=1_000, help="Validations without a better reward before training stops early."
    )
    inner_share: float = parameter(0.15, low=0.05, high=0.4, help="Share of the rows for early stopping.")
    test_share: float = parameter(0.2, low=0.05, high=0.4, help="Last share of the rows, which is scored.")
