"""The network: one convolution trunk shared by three timeframes, and three small heads.

The same filters look at 5-minute, 15-minute and hourly bars, because a turn looks alike at any of them. There
is no batch normalisation: inputs are already in units of their own deviation, and running statistics would be
state outside the weights that a replayed step could not rebuild.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.cnn.pivots import LABELS
from models.cnn.windows import CHANNELS, SCALES


class PivotNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Windows (scales, batch, channels, window) to class logits (batch, 3), distance and confidence (batch,).

    With the defaults (64 channels, 64 hidden) it has 58,845 parameters, whatever the window.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        narrow, wide = max(1, channels * 3 // 4), max(1, channels * 9 // 8)
        self.trunk = nn.Sequential(
            nn.Conv1d(len(CHANNELS), narrow, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.Conv1d(narrow, channels, kernel_size=5, padding=2, stride=2),
            nn.ReLU(),
            nn.Conv1d(channels, wide, kernel_size=3, padding=1, stride=2),
            nn.ReLU(),
        )
        self.merge = nn.Linear(len(SCALES) * 2 * wide, hidden)
        self.classify = nn.Linear(hidden, len(LABELS))
        self.measure = nn.Linear(hidden, 1)
        self.trust = nn.Linear(hidden, 1)

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        scales, batch, channels, length = windows.shape
        seen = self.trunk(windows.reshape(scales * batch, channels, length))
        # The mean says what the window was like, the last place what it ends with.
        pooled = torch.cat([seen.mean(dim=2), seen[:, :, -1]], dim=1)
        merged = pooled.reshape(scales, batch, -1).permute(1, 0, 2).reshape(batch, -1)
        hidden = torch.relu(self.merge(merged))
        if mask is not None:
            hidden = hidden * mask
        # Confidence judges the answer; it may not bend the features that gave it.
        trust = self.trust(hidden.detach())
        return self.classify(hidden), self.measure(hidden).squeeze(1), trust.squeeze(1)


def new_network(channels: int, hidden: int, seed: int) -> PivotNetwork:
    """A network whose first weights are a function of `seed`; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PivotNetwork(channels, hidden)


def dropout_mask(batch: int, hidden: int, rate: float, generator: torch.Generator) -> Tensor | None:
    """Inverted dropout: each unit is kept with 1 - rate and then scaled by 1/(1 - rate) (Srivastava 2014)."""
    if rate == 0.0:
        return None
    kept = torch.rand((batch, hidden), generator=generator) >= rate
    return kept.to(torch.float32) / (1.0 - rate)
