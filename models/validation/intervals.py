"""Label intervals: the time a sample's features were known, and the time its label was.

Leakage in finance is a matter of these two times and nothing else. Two samples an hour apart share
information when their intervals meet, which is why rows may not simply be shuffled into folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Intervals:
    """[t0, t1] of each sample in UTC ms, both ends included; t0 ascending, t1 >= t0."""

    t0_ms: IntArray
    t1_ms: IntArray

    def __post_init__(self) -> None:
        if self.t0_ms.shape != self.t1_ms.shape or self.t0_ms.ndim != 1:
            raise ValueError(f"t0 {self.t0_ms.shape} and t1 {self.t1_ms.shape} must be of one length")
        if np.any(self.t1_ms < self.t0_ms):
            raise ValueError(
                f"sample {int(np.argmax(self.t1_ms < self.t0_ms))}: label ends before its features"
            )
        if np.any(np.diff(self.t0_ms) < 0):
            raise ValueError(f"sample {int(np.argmax(np.diff(self.t0_ms) < 0)) + 1}: not in order of time")

    def __len__(self) -> int:
        return len(self.t0_ms)

    @property
    def horizon_ms(self) -> int:
        """The longest label, H."""
        return int((self.t1_ms - self.t0_ms).max()) if len(self) else 0

    @property
    def span_ms(self) -> int:
        """From the first feature to the last label."""
        return int(self.t1_ms.max() - self.t0_ms.min()) if len(self) else 0

    def default_embargo_ms(self) -> int:
        """max(H, 1 % of the span): how long after a test its news lingers (Lopez de Prado 2018)."""
        return max(self.horizon_ms, self.span_ms // 100)

    def meets(self, start_ms: int, end_ms: int) -> NDArray[np.bool_]:
        """Which intervals share a moment with [start, end]."""
        return (self.t0_ms <= end_ms) & (self.t1_ms >= start_ms)
