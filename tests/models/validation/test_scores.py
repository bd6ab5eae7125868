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


def test_the_error_of_a_difference_of_aucs_is_that_of_many_samples() -> None:
    generator = np.random.default_rng(6)

    def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        truth = generator.random(400) < 0.4
        shared = 0.5 * truth + generator.normal(size=400)
        return truth, shared + 0.4 * generator.normal(size=400), shared + 0.4 * generator.normal(size=400)

    samples = [sample() for _ in range(300)]
    apart = [scores.roc_auc(truth, one) - scores.roc_auc(truth, other) for truth, one, other in samples]
    told = np.mean([scores.auc_difference_error(*drawn) for drawn in samples])
    assert told == pytest.approx(np.std(apart), rel=0.15)
    truth, one, other = samples[0]
    # Two models that share their errors differ by less noise than two that do not.
    independent = math.hypot(*[scores.auc_standard_error(truth.sum(), (~truth).sum())] * 2)
    assert scores.auc_difference_error(truth, one, other) < 0.8 * independent
    assert scores.auc_difference_error(truth, one, other, 4.0) == pytest.approx(
        2.0 * scores.auc_difference_error(truth, one, other)
    )


def test_a_model_differs_from_itself_by_nothing_and_one_row_of_a_class_is_too_few() -> None:
    truth, score = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.5, 0.5, 0.2, 0.9])
    assert scores.auc_difference_error(truth, score, score) == 0.0
    assert math.isnan(scores.auc_difference_error(np.array([0, 1, 1]), score[:3], score[:3]))
