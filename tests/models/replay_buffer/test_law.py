"""The worked numbers, and that the compiled draws follow the formulas."""

import numpy as np
import pytest

from models.replay_buffer.law import correction_at, draw_law, importance_weights, probabilities
from models.replay_buffer.priority_index import UNCAPPED, PriorityIndex, Rules

PRIORITY = np.array([1.0, 2.0, 4.0])
P = [0.2078, 0.3149, 0.4773]
Q = [0.2705, 0.3241, 0.4053]
W = [1.0, 0.9303, 0.8507]


def index_of(priority, profitable=False, rapid=False, **rules) -> PriorityIndex:
    n = len(priority)
    index = PriorityIndex(n, Rules(**rules))
    marks = [np.full(n, mark) if isinstance(mark, bool) else np.asarray(mark) for mark in (profitable, rapid)]
    index.insert(np.arange(n), *marks, np.asarray(priority, np.float64))
    return index


def test_the_worked_numbers():
    assert probabilities(PRIORITY) == pytest.approx(P, abs=5e-5)
    law = draw_law(PRIORITY)
    assert law == pytest.approx(Q, abs=5e-5)
    assert importance_weights(law, 3, 0.4) == pytest.approx(W, abs=5e-5)


def test_compiled_draws_have_the_chances_and_weights_of_the_formulas():
    index = index_of(PRIORITY, most_draws=UNCAPPED)
    law = draw_law(PRIORITY)
    assert index.chances(8) == pytest.approx(law, rel=1e-12)
    drawn = index.draw(64, correction=0.4)
    assert set(drawn.rows) == {0, 1, 2}
    assert drawn.chance == pytest.approx(law[drawn.rows], rel=1e-12)
    assert drawn.weight == pytest.approx(importance_weights(law, 3, 0.4)[drawn.rows], rel=1e-12)


def test_the_weights_recover_a_mean_that_those_of_the_priorities_alone_would_miss():
    generator = np.random.default_rng(0)
    n = 400
    priority = generator.lognormal(0.0, 1.5, n)
    index = index_of(priority, most_draws=UNCAPPED)
    drawn = [index.draw(64, correction=1.0) for _ in range(600)]
    rows, chance = np.concatenate([d.rows for d in drawn]), np.concatenate([d.chance for d in drawn])
    value = priority[rows]
    right, wrong = 1.0 / chance, 1.0 / probabilities(priority)[rows]
    assert (right @ value) / right.sum() == pytest.approx(priority.mean(), rel=0.02)
    assert (wrong @ value) / wrong.sum() < 0.9 * priority.mean()


def test_correction_rises_from_its_first_value_to_one():
    assert correction_at(0, 100) == 0.4
    assert correction_at(50, 100) == pytest.approx(0.7)
    assert correction_at(1_000, 100) == 1.0
