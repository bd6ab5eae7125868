"""Scores agree with scikit-learn's, which costs a second to import and is therefore only used here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.validation import scores


@pytest.fixture(scope="module")
def said() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 2, 500)
    # Two digits make ties, which an AUC must share between both sides.
    return truth, np.round(0.3 * truth + generator.random(500), 2) / 1.31


def test_roc_auc_and_log_loss_are_scikit_learns(said: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn import metrics

    truth, score = said
    assert scores.roc_auc(truth, score) == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-12)
    assert scores.log_loss(truth, score) == pytest.approx(metrics.log_loss(truth, score), abs=1e-9)


def test_f1_is_scikit_learns() -> None:
    from sklearn import metrics

    generator = np.random.default_rng(4)
    truth, named = generator.integers(0, 3, 300), generator.integers(0, 3, 300)
    expected = metrics.f1_score(truth, named, average="macro")
    assert scores.f1_macro(truth, named, 3) == pytest.approx(expected, abs=1e-12)
    assert scores.f1(truth, named, 2) == pytest.approx(metrics.f1_score(truth == 2, named == 2), abs=1e-12)


def test_an_auc_of_one_class_is_not_defined() -> None:
    assert math.isnan(scores.roc_auc(np.ones(5), np.arange(5.0)))


def test_the_standard_error_of_an_auc_is_that_of_many_coins() -> None:
    generator = np.random.default_rng(5)
    drawn = [scores.roc_auc(np.arange(200) < 80, generator.random(200)) for _ in range(2_000)]
    assert scores.auc_standard_error(80, 120) == pytest.approx(np.std(drawn), rel=0.05)


def test_labels_that_overlap_twelvefold_count_as_a_twelfth() -> None:
    assert scores.auc_standard_error(1_200, 1_200, 12) == pytest.approx(scores.auc_standard_error(100, 100))


def test_calibration_error_is_the_mean_gap_between_confidence_and_hits() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.15, 0.15])
    correct = np.array([1, 1, 1, 0, 0, 0])
    # 4/6 of |0.75 - 0.95| and 2/6 of |0 - 0.15|.
    expected = 4 / 6 * 0.20 + 2 / 6 * 0.15
    assert scores.expected_calibration_error(correct, confidence) == pytest.approx(expected)
