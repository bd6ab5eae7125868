"""Folds and splits as values: what was trained on, what was tested, and a hash of exactly that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.validation.intervals import IntArray, Intervals


@dataclass(frozen=True)
class Fold:
    """Row numbers to train and to test on, and the test blocks [start, end] in UTC ms.

    A walk-forward or k-fold fold has one block, a combinatorial one has several.
    """

    train: IntArray
    test: IntArray
    blocks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Split:
    """All folds of one session, with the rule and the numbers that made them."""

    kind: str
    parameters: tuple[tuple[str, int], ...]
    folds: tuple[Fold, ...]

    @property
    def sha256(self) -> str:
        """Hash over the rule, its numbers and every row number of every fold."""
        digest = hashlib.sha256(json.dumps([self.kind, list(self.parameters)]).encode())
        for fold in self.folds:
            for rows in (fold.train, fold.test):
                digest.update(len(rows).to_bytes(8, "little"))
                digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
        return digest.hexdigest()

    def parameters_json(self) -> str:
        return json.dumps(dict(self.parameters), sort_keys=True)

    def folds_json(self) -> str:
        """The folds as a person reads them: sizes and test blocks; the hash holds the row numbers."""
        return json.dumps(
            [
                {"train": len(fold.train), "test": len(fold.test), "blocks": [list(b) for b in fold.blocks]}
                for fold in self.folds
            ]
        )


def leaking_rows(intervals: Intervals, fold: Fold) -> NDArray[np.int64]:
    """Training rows whose label interval meets a test block of the fold; must be empty."""
    bad = np.zeros(len(intervals), dtype=np.bool_)
    for start, end in fold.blocks:
        bad |= intervals.meets(start, end)
    return fold.train[bad[fold.train]]


def block_of(intervals: Intervals, rows: IntArray) -> tuple[int, int]:
    """[first feature time, last label time] of the test rows."""
    return int(intervals.t0_ms[rows].min()), int(intervals.t1_ms[rows].max())
