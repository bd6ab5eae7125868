"""Does a feature know the future? Recompute it on a history that ends earlier and compare the bits.

A causal feature of bar t is a function of bars up to t, so cutting the history after t cannot change one
bit of it. Comparing with a tolerance would miss a leak that is small but real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.candle_series import CandleSeries, truncate


@dataclass(frozen=True)
class Leak:
    """Feature `name` of bar `bar` changed when the history was cut after `cut` bars."""

    name: str
    cut: int
    bar: int


@dataclass(frozen=True)
class LeakReport:
    """One `Leak` a leaking feature (the first seen); `cuts` is how many histories were tried."""

    cuts: int
    leaks: tuple[Leak, ...]

    @property
    def clean(self) -> bool:
        return not self.leaks

    @property
    def words(self) -> str:
        if self.clean:
            return f"no leak in {self.cuts} cuts"
        return "; ".join(
            f"{leak.name} of bar {leak.bar} changes when history ends after bar {leak.cut - 1}"
            for leak in self.leaks
        )


def check_leakage(
    compute: Callable[[CandleSeries], NDArray[Any]],
    series: CandleSeries,
    names: Sequence[str],
    *,
    cuts: int = 50,
    seed: int = 0,
) -> LeakReport:
    """Compare `compute(series)` with `compute(series[:cut])` bit for bit at random cuts.

    `compute` returns (n, features) or (n, features, ...); `names` are the features of axis 1.
    """
    whole = compute(series)
    bars = len(series.close_ms)
    generator = np.random.default_rng(seed)
    found: dict[str, Leak] = {}
    for cut in sorted(int(value) for value in generator.integers(1, bars, size=cuts)):
        part = compute(truncate(series, cut))
        for column, name in enumerate(names):
            if name in found:
                continue
            differs = _different_rows(whole[:cut, column], part[:, column])
            if len(differs):
                found[name] = Leak(name, cut, int(differs[0]))
    return LeakReport(cuts, tuple(found.values()))


def _different_rows(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.int64]:
    """Rows whose bytes differ; a NaN equals the same NaN."""
    if left.shape != right.shape:
        return np.array([0], dtype=np.int64)
    if left.size == 0:
        return np.empty(0, dtype=np.int64)
    flat_left = np.ascontiguousarray(left).reshape(len(left), -1)
    flat_right = np.ascontiguousarray(right).reshape(len(right), -1)
    bytes_left = flat_left.view(np.uint8).reshape(len(left), -1)
    bytes_right = flat_right.view(np.uint8).reshape(len(right), -1)
    return np.flatnonzero((bytes_left != bytes_right).any(axis=1))
