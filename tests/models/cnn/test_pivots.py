"""Turning points of closes, each with the bar at which it became known."""

from __future__ import annotations

import numpy as np
import pytest

from models.cnn.pivots import HIGH, LOW, NONE, extremes, turning_points
from tests.models.walks import random_walk

#                 0    1    2    3    4    5    6    7    8    9
CLOSES = np.array([5.0, 6.0, 7.0, 9.0, 8.0, 7.5, 6.0, 6.5, 7.0, 9.5])


def test_a_high_that_holds_is_a_pivot_and_is_known_k_bars_later() -> None:
    points = turning_points(CLOSES, k=2)
    found = {int(i): (int(label), int(known)) for i, label, known in zip(*_columns(points), strict=True)}
    assert found[3] == (HIGH, 5)
    assert found[6] == (LOW, 8)
    # Bar 2 is above the two before it, but bar 3 is higher: an extreme that did not hold.
    assert found[2] == (NONE, 4)
    # Bar 9 is above the two before it; what it is will be known at bar 11.
    assert extremes(CLOSES, k=2)[9] == 1 and 9 not in found


def _columns(points):  # type: ignore[no-untyped-def]
    return points.index, points.label, points.known_at


def test_the_distance_is_the_way_back_to_the_pivot_from_where_it_became_known() -> None:
    points = turning_points(CLOSES, k=2)
    at = {int(bar): place for place, bar in enumerate(points.index)}
    assert points.distance[at[3]] == pytest.approx(np.log(9.0 / 7.5))
    assert points.distance[at[6]] == pytest.approx(np.log(6.0 / 7.0))
    assert np.isnan(points.distance[at[2]])


def test_a_label_uses_no_close_after_the_bar_at_which_it_is_known() -> None:
    close = random_walk(500, seed=1).close
    points = turning_points(close, k=5)
    for place in range(0, len(points.index), 7):
        known = int(points.known_at[place])
        cut = turning_points(close[: known + 1], k=5)
        assert cut.index[-1] == points.index[place]
        assert cut.label[-1] == points.label[place]


def test_extremes_are_causal_and_a_flat_price_has_none() -> None:
    close = random_walk(300, seed=2).close
    assert np.array_equal(extremes(close, 5)[:200], extremes(close[:200], 5))
    assert not extremes(np.full(50, 3.0), 5).any()
    assert not len(turning_points(np.full(50, 3.0), 5).index)
    assert not len(turning_points(close[:4], 5).index)


def test_on_a_random_walk_an_extreme_holds_as_often_as_a_fair_coin_says() -> None:
    # P(a symmetric walk stays on one side for 5 steps) = C(10, 5)/2^10, whatever the step's law
    # (Sparre Andersen 1954).
    points = turning_points(random_walk(60_000, seed=3).close, k=5)
    assert np.mean(points.label != NONE) == pytest.approx(252 / 1024, abs=0.012)
