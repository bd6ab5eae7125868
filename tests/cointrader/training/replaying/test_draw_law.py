"""The law of a replay, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cointrader.training.replaying.draw_law import draw_law

ALL = np.arange(3)


def test_the_law_mixes_priorities_with_a_uniform_half_and_weights_follow_the_law() -> None:
    law = draw_law(3, ALL, ALL, np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(law.probability, [0.2705, 0.3241, 0.4053], atol=5e-5)
    np.testing.assert_allclose(law.weight**0.4, [1.0, 0.9303, 0.8507], atol=5e-5)
    assert law.weight.dtype == np.float32


def test_rows_that_are_drawn_but_not_chosen_keep_their_uniform_half() -> None:
    law = draw_law(6, np.arange(1, 5), np.array([2]), np.ones(6))
    np.testing.assert_allclose(law.probability, [0.0, 0.125, 0.625, 0.125, 0.125, 0.0])
    np.testing.assert_allclose(law.weight, [0.0, 1.0, 0.2, 1.0, 1.0, 0.0])


def test_rapid_rows_get_a_fifth_of_the_draws_at_most_and_the_others_the_rest() -> None:
    rapid = np.array([True, True, False, False])
    law = draw_law(4, np.arange(4), np.arange(4), np.array([9.0, 9.0, 1.0, 1.0]), rapid)
    assert law.probability[rapid].sum() == pytest.approx(0.2)
    assert law.probability.sum() == pytest.approx(1.0)
    assert law.weight[0] < law.weight[2] or law.probability[0] < law.probability[2]


def test_where_all_rows_are_rapid_there_is_nothing_to_scale() -> None:
    law = draw_law(2, np.arange(2), np.arange(2), np.ones(2), np.ones(2, dtype=np.bool_))
    np.testing.assert_allclose(law.probability, [0.5, 0.5])


def test_rapid_rows_that_are_all_there_is_keep_the_whole_law_however_it_is_rounded() -> None:
    for rows in range(2, 120):
        priority, every = np.random.default_rng(rows).lognormal(size=rows), np.arange(rows)
        law = draw_law(rows, every, every, priority, np.ones(rows, dtype=np.bool_))
        assert law.probability.sum() == pytest.approx(1.0), rows
