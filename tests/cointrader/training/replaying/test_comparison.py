"""The sentence about a replay and its control says no more than the numbers do."""

from __future__ import annotations

import math

import pytest

from cointrader.training.replaying.comparison import independent_error, judge_replay
from models.base import Duel


def verdict(value: float, control: float, error: float, provenance: str = "import", baseline: float = 0.5):  # type: ignore[no-untyped-def]
    return judge_replay("pivot_auc", Duel(value, control, 900, 900), baseline, error, provenance)


def test_within_three_standard_errors_it_is_no_better() -> None:
    told = verdict(0.514, 0.510, 0.011)
    assert told.word == "no better"
    assert told.words.startswith(
        "no better than its control out of sample (+0.0040, within 3 standard errors of 0.0110)"
    )
    assert "on the same 900 rows that neither was trained on" in told.words


def test_beyond_them_it_is_better_or_worse_with_how_far() -> None:
    assert verdict(0.60, 0.52, 0.02).words.startswith(
        "better than its control out of sample (+0.0800, 4.0 standard errors"
    )
    assert verdict(0.44, 0.52, 0.02).word == "worse"
    assert verdict(0.5801, 0.52, 0.02).word == "better"
    assert verdict(0.5799, 0.52, 0.02).word == "no better"


def test_better_than_a_control_below_the_baseline_is_told_with_that() -> None:
    assert "neither is above the baseline" in verdict(0.49, 0.40, 0.01).words


def test_a_model_equal_to_its_control_is_no_better() -> None:
    told = verdict(0.52, 0.52, 0.0)
    assert told.word == "no better" and "for both answer alike" in told.words


def test_without_a_standard_error_nothing_is_called_better() -> None:
    told = verdict(0.9, 0.5, math.nan)
    assert told.word == "no better" and "unknown standard error" in told.words


def test_a_window_without_a_metric_is_not_defined() -> None:
    assert verdict(math.nan, 0.5, 0.01).word == "not defined"


def test_what_was_learned_from_synthetic_data_is_told_as_that() -> None:
    assert "learned from synthetic data" in verdict(0.6, 0.5, 0.01, "synthetic").words
    assert "synthetic" not in verdict(0.6, 0.5, 0.01).words


def test_two_errors_add_as_if_they_were_independent() -> None:
    assert independent_error(0.03, 0.04) == pytest.approx(0.05)
    assert math.isnan(independent_error(None, 0.04))
