"""Parameters of COB RL, and the networks that its three sizes stand for."""

from __future__ import annotations

from dataclasses import dataclass

from models.parameters import parameter


@dataclass(frozen=True)
class NetworkShape:
    """How large a network is, and what it saves memory by.

    `bfloat16` computes activations in that format (weights, their moments and the loss stay in float32);
    `recompute` keeps no activation of a layer for the backward pass but computes it again.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    bfloat16: bool = False
    recompute: bool = False


SIZES: dict[str, NetworkShape] = {
    "small": NetworkShape(width=128, layers=5, heads=4, feed_forward=512),
    "medium": NetworkShape(width=640, layers=12, heads=10, feed_forward=2_560),
    "1b": NetworkShape(width=2_048, layers=20, heads=16, feed_forward=8_192, bfloat16=True, recompute=True),
}
"""About 1 million, 60 million and 1,000 million parameters."""


@dataclass(frozen=True)
class CobRlParams:
    """Network, what it looks at, what its actions earn, optimiser, and the slices that judge it."""

    size: str = parameter(
        "small",
        choices=tuple(SIZES),
        help="small has about 1 M parameters, medium 60 M, 1b 1,000 M; 1b wants an accelerator with 32 GB.",
    )
    steps: int = parameter(120, low=10, high=10_000_000, help="Optimiser steps at most.")
    batch_size: int = parameter(32, low=4, high=4_096, unit="rows", help="Moments acted on in one step.")
    learning_rate: float = parameter(
        3e-4, low=1e-7, high=1.0, help="Largest learning rate; it warms up and then falls as a cosine."
    )
    weight_decay: float = parameter(1e-2, low=0.0, high=1.0, help="Decoupled weight decay of AdamW.")
    gradient_clip: float = parameter(1.0, low=0.01, high=1e3, help="Largest norm of the whole gradient.")
    entropy_weight: float = parameter(
        0.01, low=0.0, high=1.0, help="How much an undecided policy is rewarded while it learns."
    )
    window: int = parameter(
        12, low=2, high=512, unit="snapshots", help="Snapshots that an action is based on."
    )
    levels: int = parameter(15, low=1, high=200, help="Levels of the book that are looked at, on each side.")
    horizon_minutes: float = parameter(
        15.0, low=0.01, high=10_080.0, unit="min", help="Time after which a position is closed and paid."
    )
    cost_bps: float = parameter(
        20.0, low=0.0, high=1_000.0, unit="bps", help="Cost of the round trip that a reward has to pay."
    )
    symbols: str = parameter("all", help="Books to learn from: all, or a comma list such as BTC/USD,ETH/USD.")
    snapshot_seconds: float = parameter(
        0.0,
        low=0.0,
        high=86_400.0,
        unit="s",
        help="Usual time between two snapshots; 0 takes the books that give most to learn from.",
    )
    max_rows: int = parameter(
        200_000, low=200, high=10_000_000, unit="rows", help="The most recent rows that are learned from."
    )
    evaluate_every: int = parameter(
        20, low=5, high=100_000, unit="steps", help="Steps between two validations."
    )
    evaluate_rows: int = parameter(512, low=16, high=100_000, unit="rows", help="Rows of one validation.")
    patience: int = parameter(
        10, low=1, high=1_000, help="Validations without a better reward before training stops early."
    )
    inner_share: float = parameter(0.15, low=0.05, high=0.4, help="Share of the rows for early stopping.")
    test_share: float = parameter(0.2, low=0.05, high=0.4, help="Last share of the rows, which is scored.")
    device: str = parameter(
        "cpu",
        choices=("cpu", "auto"),
        help="cpu repeats to the bit; auto takes a GPU where one answers, and says which.",
    )

    @property
    def shape(self) -> NetworkShape:
        return SIZES[self.size]
