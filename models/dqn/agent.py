"""DQN: what is buying, selling or holding worth in the state of a setup?

A row is an experience: one action in one state, with the reward that the candles that followed, or the close
of a position, gave it. Buying and selling end with the trade; holding pays nothing and leads to the next
setup. Scored is what the greedy policy earns on setups that it never saw, against holding for ever, which
earns 0 (Mnih et al. 2015; double DQN, van Hasselt et al. 2016, arXiv:1509.06461).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset, Duel, Metrics, Run
from models.candle_series import FloatArray, IntArray
from models.dqn.batches import steps_of
from models.dqn.experiences import LEAST_ROWS, experience_dataset
from models.dqn.learner import Learner
from models.dqn.lessons import taught
from models.dqn.model import DqnModel, load
from models.dqn.params import DqnParams
from models.dqn.policy import Judged, earned, judged_setups, standard_error
from models.dqn.rehearsal import gradient_at
from models.dqn.surprise import Lessons, lessons_of
from models.dqn.training_loop import TrainingLoop
from models.errors import FeatureMismatch, NotEnoughRows
from models.lessons.rows import LEAST_SCORED, is_lesson, learned_until, lesson_count, lesson_split
from models.lessons.unjudged import unjudged
from models.setup_rows import BUY, HOLD, SELL, SetupSource
from models.validation.folds import Fold, Split
from models.validation.intervals import Intervals
from models.validation.purged import purged_holdout

__all__ = [
    "LEAST_ROWS",
    "compare",
    "dataset",
    "difference_error",
    "evaluate",
    "fit",
    "learned_until_ms",
    "lessons",
    "load",
    "recompute",
    "split",
    "total_steps",
]


def dataset(source: SetupSource, params: DqnParams) -> Dataset:
    """Rows are experiences, oldest first; raises NotEnoughRows below 200 ("waiting n/200")."""
    return experience_dataset(source, params)


def split(dataset: Dataset, params: DqnParams) -> Split:
    """Train, an inner slice for early stopping, and the last slice, which is scored; purged and embargoed."""
    if is_lesson(dataset):
        return lesson_split(dataset, params.inner_share, params.test_share)
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    return purged_holdout(intervals, params.inner_share, params.test_share)


def total_steps(dataset: Dataset, params: DqnParams) -> int:
    """The most steps a session may take; early stopping may take fewer."""
    if is_lesson(dataset):
        return lesson_count(dataset)
    return steps_of(len(split(dataset, params).folds[0].train), params)


def fit(dataset: Dataset, params: DqnParams, run: Run) -> DqnModel:
    """Learn until the reward on the inner slice stops rising; raises Diverged, Stopped, NotEnoughRows.

    A dataset with closes in it is taught, one step a close, from the weights that it pins.
    """
    early = split(dataset, params).folds[0]
    if is_lesson(dataset):
        return taught(dataset, early, params, run)
    check_warm_up(early, params)
    learner = Learner(dataset, early.train, params, run.seed)
    loop = TrainingLoop(dataset, early.train, early.test, params, run, learner)
    margin, words = loop.learn()
    return DqnModel(params, learner.network, dataset.feature_names, margin, convergence=words)


def check_warm_up(early: Fold, params: DqnParams) -> None:
    """Raises NotEnoughRows ("waiting n/200") while there is less to train on than the warm-up."""
    least = max(params.warm_up, params.batch_size)
    if len(early.train) < least:
        what = f"experiences to train on (waiting {len(early.train):,}/{least:,})"
        raise NotEnoughRows(len(early.train), least, what)


def recompute(
    dataset: Dataset, params: DqnParams, seed: int, step: int, state: Mapping[str, NDArray[Any]]
) -> NDArray[np.float32]:
    """The flat gradient that `step` consumed, from the weights before it.

    What is drawn depends on the errors of all steps before, so these are trained again on the way.
    """
    return gradient_at(dataset, split(dataset, params).folds[0].train, params, seed, step, state)


def lessons(model: DqnModel, dataset: Dataset) -> Lessons:
    """How wrong the model still is about the experiences that it trained on; by the others it is judged."""
    return lessons_of(model, dataset, split(dataset, model.params).folds[0].train)


def evaluate(model: DqnModel, dataset: Dataset) -> Metrics:
    """Mean reward of the greedy policy on the setups of the last slice, against always holding."""
    scored = split(dataset, model.params).folds[1].test
    judged = judged_setups(dataset, scored)
    if is_lesson(dataset) and len(judged.setup) < LEAST_SCORED:
        return unjudged("mean_reward", 0.0, len(judged.setup))
    actions = model.actions(dataset.arrays["series_state"][judged.setup])
    rewards = earned(judged, actions)
    value = float(rewards.mean()) if len(rewards) else math.nan
    error = standard_error(rewards, judged.independent)
    share = np.bincount(actions, minlength=3) / max(1, len(actions))
    return Metrics(
        name="mean_reward",
        value=value,
        baseline=0.0,
        others={
            "mean_reward_standard_error": error,
            "mean_reward_a_trade": _mean(rewards[actions != HOLD]),
            "mean_reward_always_buy": _mean(judged.reward[:, BUY]),
            "mean_reward_always_sell": _mean(judged.reward[:, SELL]),
            "mean_reward_hindsight": _mean(judged.reward.max(axis=1)),
            "margin": model.margin,
            "share_buy": float(share[BUY]),
            "share_sell": float(share[SELL]),
            "share_hold": float(share[HOLD]),
            "rows": float(len(scored)),
            "setups": float(len(rewards)),
            "independent_setups": judged.independent,
        },
        per_fold=(value,),
        note=_verdict(value, error, judged),
        standard_error=error,
    )


def _verdict(value: float, error: float, judged: Judged) -> str:
    outcomes = f"{len(judged.setup):,} setups, worth {judged.independent:,.0f} independent ones"
    if not error > 0.0:
        return f"the policy never trades: it earns what holding earns; {outcomes}"
    return f"{value / error:+.1f} standard errors from always holding; {outcomes}"


def learned_until_ms(dataset: Dataset, params: DqnParams) -> int:
    """The end of the last label that training or early stopping has seen; what follows is only scored."""
    early = split(dataset, params).folds[0]
    if is_lesson(dataset):
        return learned_until(dataset, early)
    return int(dataset.t1_ms[np.concatenate([early.train, early.test])].max())


def compare(model: DqnModel, incumbent: DqnModel, dataset: Dataset, after_ms: int) -> Duel:
    """Mean reward of both greedy policies on the setups of the last slice."""
    if incumbent.feature_names != dataset.feature_names:
        raise FeatureMismatch(
            f"it reads states of {len(incumbent.feature_names)} numbers, and these have other ones"
        )
    scored = split(dataset, model.params).folds[1].test
    every = judged_setups(dataset, scored)
    judged = judged_setups(dataset, scored[dataset.t0_ms[scored] > after_ms])
    mine, theirs = (_mean(_earned(each, dataset, judged)) for each in (model, incumbent))
    return Duel(mine, theirs, rows=len(judged.setup), scored=len(every.setup))


def difference_error(model: DqnModel, other: DqnModel, dataset: Dataset) -> float:
    """Standard error of the difference of what both greedy policies earn on the last slice."""
    judged = judged_setups(dataset, split(dataset, model.params).folds[1].test)
    apart = _earned(model, dataset, judged) - _earned(other, dataset, judged)
    return standard_error(apart, judged.independent)


def _earned(model: DqnModel, dataset: Dataset, judged: Judged) -> FloatArray:
    states: NDArray[np.float32] = dataset.arrays["series_state"][judged.setup]
    actions: IntArray = model.actions(states)
    return earned(judged, actions)


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else math.nan
