"""COB RL: buy, sell or hold, judged from the order book of the last snapshots?

A row is a snapshot t with an unbroken window behind it and a known middle price a horizon later. Each action
has its known reward, that of a closed position net of costs, so a step of learning draws an action from the
policy and sees what it earned. Scored is what the greedy policy earns on snapshots that it never saw, against
holding for ever, which earns 0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.backprop.keeper import flat_gradient
from models.base import Dataset, Duel, Metrics, Run
from models.candle_series import FloatArray, IntArray
from models.cob_rl.feeds import BookSource
from models.cob_rl.learner import Learner
from models.cob_rl.lessons import taught
from models.cob_rl.memory import check_memory
from models.cob_rl.model import CobRlModel, load
from models.cob_rl.params import CobRlParams
from models.cob_rl.rewards import ACTIONS, ActionRewards, action_rewards
from models.cob_rl.snapshots import WIDE_STEP, book_features, feature_names, usable_snapshots, usual_step_ms
from models.cob_rl.training_loop import TrainingLoop, load_weights
from models.device import probe_device
from models.errors import FeatureMismatch, NotEnoughRows
from models.lessons.rows import LEAST_SCORED, is_lesson, learned_until, lesson_count, lesson_split
from models.lessons.unjudged import unjudged
from models.setup_rows import BUY, HOLD, SELL, BookRows
from models.validation.folds import Split
from models.validation.intervals import Intervals
from models.validation.purged import purged_holdout

LEAST_ROWS = 200

__all__ = [
    "compare",
    "dataset",
    "difference_error",
    "evaluate",
    "fit",
    "learned_until_ms",
    "load",
    "recompute",
    "split",
    "total_steps",
]


@dataclass(frozen=True)
class _Part:
    """The rows of one book: its usual step, and the outcomes of the snapshots that have a whole window."""

    book: BookRows
    step_ms: int
    outcomes: ActionRewards


def dataset(source: BookSource, params: CobRlParams) -> Dataset:
    """Rows are snapshots with a whole window before them and a known outcome; NotEnoughRows below 200."""
    books = source.books(params.symbols)
    parts = _of_one_pace([_rows_of(book, params, source) for book in books], params)
    rows = sum(len(part.outcomes.index) for part in parts)
    if rows < LEAST_ROWS:
        raise NotEnoughRows(rows, LEAST_ROWS, _what_is_missing(books, params))
    index = [part.outcomes.index for part in parts]
    starts = np.cumsum([0, *(len(part.book.ts_ms) for part in parts[:-1])])
    t0 = np.concatenate([part.book.ts_ms[rows] for part, rows in zip(parts, index, strict=True)])
    t1 = np.concatenate([part.book.ts_ms[part.outcomes.known_at] for part in parts])
    reward = np.concatenate([part.outcomes.reward for part in parts])
    position = np.concatenate([rows + start for rows, start in zip(index, starts, strict=True)])
    symbol = np.concatenate([np.full(len(rows), place, np.int16) for place, rows in enumerate(index)])
    order = np.lexsort((symbol, t0))[-params.max_rows :]
    names = tuple(part.book.symbol for part in parts)
    step_ms = int(np.median([part.step_ms for part in parts]))
    return Dataset(
        agent="cob_rl",
        arrays={
            "series_book": np.concatenate([book_features(part.book, params.levels) for part in parts]),
            "position": position[order],
            "reward": reward[order],
        },
        label=reward[order].argmax(axis=1).astype(np.int64),
        t0_ms=t0[order],
        t1_ms=t1[order],
        symbol=symbol[order],
        symbols=names,
        feature_names=feature_names(params.levels),
        label_order=ACTIONS,
        horizon_bars=max(1, round(params.horizon_minutes * 60_000.0 / step_ms)),
        provenance=source.provenance,
        description=_description(names, step_ms, books, params),
        constants={"step_ms": float(step_ms), "cost_bps": params.cost_bps},
    )


def _rows_of(book: BookRows, params: CobRlParams, source: BookSource) -> _Part:
    step_ms = usual_step_ms(book.ts_ms)
    horizon_ms = round(params.horizon_minutes * 60_000.0)
    known = action_rewards(book, horizon_ms, step_ms, params.cost_bps * 1e-4, source.trade_rewards)
    whole = usable_snapshots(book.ts_ms, params.window, step_ms)[known.index]
    return _Part(book, step_ms, ActionRewards(known.index[whole], known.known_at[whole], known.reward[whole]))


def _of_one_pace(parts: Sequence[_Part], params: CobRlParams) -> list[_Part]:
    """Books of about one time between snapshots: a window of seconds and one of minutes are not alike."""
    wanted = params.snapshot_seconds * 1_000.0
    if wanted:
        return [part for part in parts if wanted / WIDE_STEP <= part.step_ms <= wanted * WIDE_STEP]
    groups: dict[int, list[_Part]] = defaultdict(list)
    for part in parts:
        groups[round(math.log(max(1, part.step_ms), WIDE_STEP))].append(part)
    return max(groups.values(), key=lambda group: sum(len(part.outcomes.index) for part in group), default=[])


def _what_is_missing(books: Sequence[BookRows], params: CobRlParams) -> str:
    what = (
        f"snapshots of an order book with {params.window} snapshots up to them and a middle price "
        f"{params.horizon_minutes:g} minutes later"
    )
    if not books:
        asked = "" if params.symbols.strip().lower() == "all" else f" of {params.symbols}"
        return f"{what} (no order book{asked} is recorded: import a table of books or a depth stream)"
    held = ", ".join(
        f"{book.symbol}: {len(book.ts_ms):,} every {usual_step_ms(book.ts_ms) / 1000:g} s" for book in books
    )
    return f"{what} (recorded are {held})"


def _description(names: tuple[str, ...], step_ms: int, books: Sequence[BookRows], params: CobRlParams) -> str:
    text = (
        f"books of {', '.join(names)} every {step_ms / 1000:g} s, rewarded {params.horizon_minutes:g} "
        f"minutes later net of {params.cost_bps:g} bps"
    )
    left_out = [reason for book in books for reason in book.left_out]
    return text + (f"; {len(left_out):,} records left out, first: {left_out[0]}" if left_out else "")


def split(dataset: Dataset, params: CobRlParams) -> Split:
    """Train, an inner slice for early stopping, and the last slice, which is scored; purged and embargoed."""
    if is_lesson(dataset):
        return lesson_split(dataset, params.inner_share, params.test_share)
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    return purged_holdout(intervals, params.inner_share, params.test_share)


def total_steps(dataset: Dataset, params: CobRlParams) -> int:
    """The most steps a session may take; early stopping may take fewer."""
    return lesson_count(dataset) if is_lesson(dataset) else params.steps


def fit(dataset: Dataset, params: CobRlParams, run: Run) -> CobRlModel:
    """Learn by acting until the reward on the inner slice stops rising.

    A dataset with closes in it is taught, one step a close, from the weights that it pins. Raises Diverged,
    Stopped, and NotEnoughMemory before anything large is allocated.
    """
    early = split(dataset, params).folds[0]
    if is_lesson(dataset):
        return taught(dataset, early.train, params, run)
    if len(early.train) < params.batch_size:
        raise NotEnoughRows(len(early.train), params.batch_size, "training rows for one batch")
    device = probe_device(params.device)
    check_memory(params.size, device)
    loop = TrainingLoop(dataset, early.train, early.test, params, run, device.torch_name)
    state = loop.fit()
    words = f"{state.convergence.words}; {state.step:,} of {params.steps:,} steps"
    step_ms = int(dataset.constants["step_ms"])
    return CobRlModel(params, loop.network, loop.learner.scale, step_ms, convergence=words)


def recompute(
    dataset: Dataset, params: CobRlParams, seed: int, step: int, state: Mapping[str, NDArray[Any]]
) -> NDArray[np.float32]:
    """The flat gradient that `step` consumed, from the weights before it."""
    early = split(dataset, params).folds[0]
    learner = Learner(dataset, early.train, params, seed, probe_device(params.device).torch_name)
    load_weights(learner.network, state)
    learner.take_gradient(step)
    return flat_gradient(learner.network.parameters())


def evaluate(model: CobRlModel, dataset: Dataset) -> Metrics:
    """Mean reward of the greedy policy on the last slice, against always holding, which earns 0."""
    scored = split(dataset, model.params).folds[1].test
    if is_lesson(dataset) and len(scored) < LEAST_SCORED:
        return unjudged("mean_reward", 0.0, len(scored))
    policy = model.answer(dataset.arrays["series_book"], dataset.arrays["position"][scored])
    reward: FloatArray = dataset.arrays["reward"][scored]
    earned = reward[np.arange(len(scored)), policy.greedy]
    value, error = float(earned.mean()), mean_standard_error(earned, dataset.horizon_bars)
    share = np.bincount(policy.greedy, minlength=len(ACTIONS)) / len(scored)
    return Metrics(
        name="mean_reward",
        value=value,
        baseline=0.0,
        others={
            "mean_reward_standard_error": error,
            "mean_reward_expected": float((policy.probability * reward).sum(axis=1).mean()),
            "mean_reward_always_buy": float(reward[:, BUY].mean()),
            "mean_reward_always_sell": float(reward[:, SELL].mean()),
            "mean_reward_hindsight": float(reward.max(axis=1).mean()),
            "share_buy": float(share[BUY]),
            "share_sell": float(share[SELL]),
            "share_hold": float(share[HOLD]),
            "rows": float(len(scored)),
            "independent_rows": len(scored) / dataset.horizon_bars,
        },
        per_fold=(value,),
        note=_verdict(value, error, len(scored), dataset.horizon_bars),
        standard_error=error,
    )


def mean_standard_error(values: FloatArray, horizon: int) -> float:
    """std/sqrt(n/H): rewards that overlap H-fold carry n/H independent outcomes; NaN below 2 values."""
    if len(values) < 2:
        return math.nan
    return float(values.std(ddof=1)) / math.sqrt(max(1.0, len(values) / horizon))


def _verdict(value: float, error: float, rows: int, horizon: int) -> str:
    outcomes = f"{rows:,} overlapping outcomes, worth {rows / horizon:.1f} independent ones"
    if not error > 0.0:
        return f"the policy never trades: it earns what holding earns; {outcomes}"
    return f"{value / error:+.1f} standard errors from always holding; {outcomes}"


def learned_until_ms(dataset: Dataset, params: CobRlParams) -> int:
    """The end of the last label that training or early stopping has seen; what follows is only scored."""
    early = split(dataset, params).folds[0]
    if is_lesson(dataset):
        return learned_until(dataset, early)
    return int(dataset.t1_ms[np.concatenate([early.train, early.test])].max())


def compare(model: CobRlModel, incumbent: CobRlModel, dataset: Dataset, after_ms: int) -> Duel:
    """Mean reward of both greedy policies on the last slice.

    A row is only known to have an unbroken history as long as the session's own window.
    """
    if incumbent.feature_names != model.feature_names:
        raise FeatureMismatch(
            f"it looks at {incumbent.params.levels} levels a side, and these rows hold {model.params.levels}"
        )
    if incumbent.params.window > model.params.window:
        raise FeatureMismatch(
            f"it looks at {incumbent.params.window} snapshots, and these rows hold {model.params.window}"
        )
    scored = split(dataset, model.params).folds[1].test
    rows: IntArray = scored[dataset.t0_ms[scored] > after_ms]
    mine, theirs = (_mean(_earned(each, dataset, rows)) for each in (model, incumbent))
    return Duel(mine, theirs, rows=len(rows), scored=len(scored))


def difference_error(model: CobRlModel, other: CobRlModel, dataset: Dataset) -> float:
    """Standard error of the difference of what both greedy policies earn on the last slice."""
    rows = split(dataset, model.params).folds[1].test
    apart = _earned(model, dataset, rows) - _earned(other, dataset, rows)
    return mean_standard_error(apart, dataset.horizon_bars)


def _earned(model: CobRlModel, dataset: Dataset, rows: IntArray) -> FloatArray:
    """What the greedy policy earns at each of these rows."""
    policy = model.answer(dataset.arrays["series_book"], dataset.arrays["position"][rows])
    earned: FloatArray = dataset.arrays["reward"][rows, policy.greedy]
    return earned


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else math.nan
