"""What the CNN says of setups, beside their state; no torch is needed to speak of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.setup_rows import SetupRows

CROSS_NAMES = ("cnn_none", "cnn_high", "cnn_low", "cnn_known")


@dataclass(frozen=True)
class CrossFeatures:
    """(n, 4) in the order of CROSS_NAMES, zeros where nothing is known, and by number of each version of the
    CNN that was asked: until when it had learned, which is before everything that it was asked about."""

    features: NDArray[np.float32]
    cut_offs: Mapping[int, int]


@runtime_checkable
class CrossSource(Protocol):
    """A source that knows what the CNN said of setups before it could have learned from them."""

    def cnn_features(self, setups: SetupRows) -> CrossFeatures:
        """Of every setup, in the order of the rows."""
        ...
