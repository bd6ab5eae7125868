"""The network: a transformer that reads a window of order-book snapshots, with a policy and a value head.

Vaswani et al. 2017 (arXiv:1706.03762) with normalisation before each part (Xiong et al. 2020,
arXiv:2002.04745) and residual branches that begin small in deep networks (Radford et al. 2019). There is no
dropout: its masks would be randomness that a replayed step and a recomputed layer had to draw alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models.cob_rl.params import SIZES, CobRlParams, NetworkShape
from models.cob_rl.rewards import ACTIONS
from models.cob_rl.snapshots import feature_names

UNDECIDED = 0.01
"""The policy begins close to indifferent: its first weights are so much of the usual ones."""


class BookLayer(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Self-attention over the snapshots, then two linear maps with a GELU between; (batch, window, width)."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width)
        self.attention_out = nn.Linear(shape.width, shape.width)
        self.wide_norm = nn.LayerNorm(shape.width)
        self.widen = nn.Linear(shape.width, shape.feed_forward)
        self.narrow = nn.Linear(shape.feed_forward, shape.width)

    def forward(self, seen: Tensor) -> Tensor:
        batch, window, width = seen.shape
        joined = self.query_key_value(self.attention_norm(seen))
        query, key, value = joined.reshape(batch, window, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        seen = seen + self.attention_out(mixed.transpose(1, 2).reshape(batch, window, width))
        wide = nn.functional.gelu(self.widen(self.wide_norm(seen)))
        return seen + self.narrow(wide)


class BookTransformer(nn.Module):  # type: ignore[misc]
    """Windows (batch, window, features) to logits of BUY, SELL and HOLD (batch, 3) and value (batch,)."""

    def __init__(self, shape: NetworkShape, features: int, window: int) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Linear(features, shape.width)
        self.position = nn.Parameter(torch.randn(window, shape.width) * 0.02)
        self.layers = nn.ModuleList(BookLayer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.policy = nn.Linear(shape.width, len(ACTIONS))
        self.value = nn.Linear(shape.width, 1)
        with torch.no_grad():
            for layer in self.layers:
                for branch in (layer.attention_out, layer.narrow):
                    branch.weight.mul_(1.0 / math.sqrt(2.0 * shape.layers))
            self.policy.weight.mul_(UNDECIDED)
            self.policy.bias.zero_()
            self.value.weight.mul_(UNDECIDED)
            self.value.bias.zero_()

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and value in float32, whatever the layers computed in."""
        kind = windows.device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self.shape.bfloat16):
            seen = self.embed(windows) + self.position
            for layer in self.layers:
                seen = self._through(layer, seen)
        last = self.norm(seen[:, -1].float())
        return self.policy(last), self.value(last).squeeze(1)

    def _through(self, layer: nn.Module, seen: Tensor) -> Tensor:
        if self.shape.recompute and torch.is_grad_enabled():
            # Chen et al. 2016 (arXiv:1604.06174); no layer draws anything, so no generator has to be kept.
            return checkpoint(layer, seen, use_reentrant=False, preserve_rng_state=False)
        return layer(seen)


def new_network(shape: NetworkShape, features: int, window: int, seed: int) -> BookTransformer:
    """A network whose first weights are a function of `seed`; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BookTransformer(shape, features, window)


def count_parameters(size: str) -> int:
    """How many parameters a size has with the default window and levels; nothing is allocated."""
    params = CobRlParams()
    with torch.device("meta"):
        network = BookTransformer(SIZES[size], len(feature_names(params.levels)), params.window)
    return sum(parameter.numel() for parameter in network.parameters())
