"""Boosted trees whose number is chosen on the newest part of what may be learned from.

The inner slice is the last fifth of the training rows in order of time; rows whose labels reach into it are
left out of the fit that is stopped by it. Everything that is random follows from the session's seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base import Run
from models.candle_series import FloatArray
from models.errors import Stopped
from models.signal_quality.features import FEATURE_NAMES
from models.signal_quality.params import SignalQualityParams
from models.validation.intervals import Intervals

INNER_SHARE = 0.2
LOG_EVERY = 5
FEWEST_TREES = 5

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Trees:
    """A trained forest as LightGBM's text; `count` trees."""

    text: str
    count: int

    def probability(self, features: FloatArray) -> FloatArray:
        """P(agrees) of features (n, 10); shape (n,)."""
        import lightgbm

        said = lightgbm.Booster(model_str=self.text).predict(features, num_threads=1)
        return np.asarray(said, dtype=np.float64)


class Boosting:
    """Trains forests one after the other; `step` counts the trees that were grown or spared."""

    def __init__(self, params: SignalQualityParams, run: Run, total: int) -> None:
        self._params, self._run, self._total = params, run, total
        self._begun = 0
        self.step = 0

    def train(self, features: FloatArray, agrees: BoolArray, intervals: Intervals, stage: str) -> Trees:
        """The forest of some rows, with as many trees as did best on their newest fifth.

        Raises Stopped when the operator cancelled.
        """
        count = self._best_count(features, agrees, intervals, stage)
        booster = self._grow(features, agrees, count)
        self._begun += self._params.rounds
        self.step = self._begun
        self._run.progress(self.step, self._total, stage)
        return Trees(booster.model_to_string(), count)

    def _best_count(self, features: FloatArray, agrees: BoolArray, intervals: Intervals, stage: str) -> int:
        """The number of trees with the lowest loss on the inner slice; all where there is no slice."""
        import lightgbm

        start = intervals.t0_ms[int(len(intervals) * (1.0 - INNER_SHARE))]
        inner, train = intervals.t0_ms >= start, intervals.t1_ms < start
        if not (_has_both(agrees[inner]) and _has_both(agrees[train])):
            return self._params.rounds
        stop = lightgbm.early_stopping(self._params.patience, verbose=False)
        held = lightgbm.Dataset(
            features[inner], agrees[inner].astype(np.int64), feature_name=list(FEATURE_NAMES)
        )
        booster = self._grow(
            features[train], agrees[train], self._params.rounds, held, [stop, self._listener(stage)]
        )
        return max(FEWEST_TREES, int(booster.best_iteration))

    def _grow(
        self,
        features: FloatArray,
        agrees: BoolArray,
        trees: int,
        held: Any = None,
        callbacks: list[Any] | None = None,
    ) -> Any:
        import lightgbm

        params = self._params
        rows = lightgbm.Dataset(features, agrees.astype(np.int64), feature_name=list(FEATURE_NAMES))
        options = {
            "objective": "binary",
            "metric": "binary_logloss",
            "num_leaves": params.leaves,
            "learning_rate": params.learning_rate,
            "min_data_in_leaf": params.least_rows_a_leaf,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
            "seed": self._run.seed % (2**31),
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        sets = None if held is None else [held]
        return lightgbm.train(options, rows, num_boost_round=trees, valid_sets=sets, callbacks=callbacks)

    def _listener(self, stage: str) -> Any:
        def hear(environment: Any) -> None:
            grown = int(environment.iteration) + 1
            self.step = self._begun + grown
            if grown % LOG_EVERY == 0:
                loss = float(environment.evaluation_result_list[0][2])
                self._run.log(self.step, **{"validation/loss": loss})
                self._run.progress(self.step, self._total, stage)
            if self._run.stop_requested:
                raise Stopped(self.step)

        return hear


def _has_both(agrees: BoolArray) -> bool:
    return bool(agrees.any()) and not bool(agrees.all())
