"""No split may let a training label reach into what it is tested on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.validation.folds import Split, leaking_rows
from models.validation.intervals import Intervals
from models.validation.purged import (
    CombinatorialPurged,
    NoFold,
    PurgedKFold,
    PurgedWalkForward,
    purged_holdout,
)

HOUR = 3_600_000


@st.composite
def label_intervals(draw: st.DrawFn) -> Intervals:
    """Irregular times with ties (two symbols), and labels of different length."""
    count = draw(st.integers(60, 200))
    steps = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    lengths = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    t0 = np.cumsum(np.array(steps, dtype=np.int64)) * HOUR
    return Intervals(t0, t0 + np.array(lengths, dtype=np.int64) * HOUR)


def every_split(intervals: Intervals) -> list[Split]:
    makers = [
        PurgedWalkForward(intervals, 4).make,
        PurgedWalkForward(intervals, 3, purge_ms=2 * HOUR).make,
        PurgedKFold(intervals, 4).make,
        CombinatorialPurged(intervals, 5, 2).make,
        lambda: purged_holdout(intervals, 0.2, 0.2),
    ]
    made = []
    for make in makers:
        try:
            made.append(make())
        except NoFold:
            continue  # labels so long that nothing is left to train on are refused, which is right
    return made


@given(label_intervals())
@settings(max_examples=60, deadline=None)
def test_no_training_label_interval_meets_the_test_block(intervals: Intervals) -> None:
    for split in every_split(intervals):
        for fold in split.folds:
            assert not len(leaking_rows(intervals, fold)), split.kind
            assert not set(fold.train) & set(fold.test)
            assert len(fold.train) and len(fold.test)


@given(label_intervals())
@settings(max_examples=30, deadline=None)
def test_rows_of_one_moment_are_never_on_both_sides_of_a_fold(intervals: Intervals) -> None:
    for split in every_split(intervals):
        for fold in split.folds:
            moments = set(intervals.t0_ms[fold.train]) & set(intervals.t0_ms[fold.test])
            assert not moments


def regular(count: int, horizon: int) -> Intervals:
    t0 = np.arange(count, dtype=np.int64) * HOUR
    return Intervals(t0, t0 + horizon * HOUR)


def test_walk_forward_drops_exactly_the_rows_whose_label_ends_in_the_test_block() -> None:
    folds = PurgedWalkForward(regular(60, horizon=3), folds=5).make().folds
    assert [int(fold.test[0]) for fold in folds] == [10, 20, 30, 40, 50]
    # A label of 3 hours ends at the start of the test block when it begins 3 rows before it.
    assert [int(fold.train[-1]) for fold in folds] == [6, 16, 26, 36, 46]


def test_the_embargo_also_drops_what_starts_soon_after_the_test_block() -> None:
    fold = PurgedKFold(regular(100, horizon=2), folds=4, embargo_ms=5 * HOUR).make().folds[1]
    assert (fold.test[0], fold.test[-1]) == (25, 49)
    # Labels of test rows end at hour 51; with 5 hours of embargo row 57 is the first one free.
    assert next(row for row in range(40, 70) if row in fold.train) == 57
    assert 22 in fold.train and 23 not in fold.train


def test_the_embargo_is_the_horizon_or_one_percent_of_the_span() -> None:
    assert regular(1_000, horizon=2).default_embargo_ms() == 1_001 * HOUR // 100
    assert regular(50, horizon=6).default_embargo_ms() == 6 * HOUR


def test_combinatorial_folds_are_all_choices_of_blocks() -> None:
    split = CombinatorialPurged(regular(120, horizon=1), groups=6, tested=2).make()
    assert len(split.folds) == 15
    tested = np.concatenate([fold.test for fold in split.folds])
    assert set(np.bincount(tested)) == {5}


def test_scikit_learn_takes_a_purged_split_as_cv() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 2))
    label = features[:, 0] + generator.normal(size=300) > 0
    cv = PurgedWalkForward(regular(300, horizon=3), folds=4)
    scores = cross_val_score(LogisticRegression(), features, label, cv=cv)
    assert len(scores) == cv.get_n_splits() == 4
    assert scores.mean() > 0.6


def test_the_hash_of_a_split_changes_with_any_row_of_it() -> None:
    one = PurgedWalkForward(regular(60, horizon=3), 5).make()
    assert one.sha256 == PurgedWalkForward(regular(60, horizon=3), 5).make().sha256
    assert one.sha256 != PurgedWalkForward(regular(60, horizon=4), 5).make().sha256
    assert one.sha256 != PurgedWalkForward(regular(61, horizon=3), 5).make().sha256


def test_the_slice_for_early_stopping_ends_before_the_scored_one() -> None:
    intervals = regular(200, horizon=4)
    early, scored = purged_holdout(intervals, inner=0.15, outer=0.15).folds
    assert intervals.t1_ms[early.test].max() < intervals.t0_ms[scored.test].min()
    assert intervals.t1_ms[early.train].max() < intervals.t0_ms[early.test].min()
    assert not set(early.test) & set(scored.test)


def test_too_few_samples_are_refused_in_words() -> None:
    with pytest.raises(NoFold, match="too few moments"):
        PurgedWalkForward(regular(3, horizon=1), folds=5).make()
    with pytest.raises(NoFold, match="nothing to train on"):
        PurgedWalkForward(regular(30, horizon=40), folds=5).make()


def test_samples_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="not in order"):
        Intervals(np.array([5, 3]), np.array([6, 6]))
    with pytest.raises(ValueError, match="label ends before"):
        Intervals(np.array([5, 6]), np.array([6, 5]))
