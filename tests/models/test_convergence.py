"""One word says whether training still helps."""

from __future__ import annotations

import math

import numpy as np

from models.convergence import judge


def test_a_loss_that_falls_is_converging() -> None:
    assert judge([1.0 - 0.02 * step for step in range(15)]).word == "converging"


def test_a_loss_that_moves_less_than_a_thousandth_is_on_a_plateau() -> None:
    generator = np.random.default_rng(0)
    assert judge(list(0.7 + 1e-4 * generator.normal(size=40))).word == "plateau"


def test_a_loss_that_creeps_up_is_worsening() -> None:
    assert judge([1.0 + 0.01 * step for step in range(15)]).word == "worsening"


def test_a_loss_half_again_above_its_best_is_diverging() -> None:
    assert judge([1.0, 0.8, 0.7, 0.6, 0.95]).word == "diverging"
    assert judge([1.0, 0.8, 0.7, 0.6, 0.85]).word != "diverging"
    assert judge([1.0, 4.0]).word == "diverging"


def test_a_loss_that_is_no_number_is_diverging_and_the_best_before_it_stands() -> None:
    judged = judge([1.0, 0.5, math.nan])
    assert (judged.word, judged.best, judged.best_index) == ("diverging", 0.5, 1)


def test_patience_counts_evaluations_since_the_best() -> None:
    assert judge([1.0, 0.5, 0.6, 0.7]).patience_spent() == 2
    assert judge([]).patience_spent() == 0
    assert "best validation loss 0.5000 at evaluation 2 of 4" in judge([1.0, 0.5, 0.6, 0.7]).words
