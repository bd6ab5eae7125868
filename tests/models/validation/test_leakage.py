"""A feature that reads one bar ahead is found, whichever of many it is."""

from __future__ import annotations

import numpy as np
import pytest

from models.candle_series import CandleSeries
from models.cnn.windows import FEATURE_NAMES as WINDOW_NAMES
from models.cnn.windows import SCALES, cut_windows, series_arrays, usable_bars
from models.signal_classifier.features import FEATURE_NAMES, compute_features
from models.validation.leakage import check_leakage
from tests.models.walks import random_walk

WALK = random_walk(1_500, seed=11)


def test_every_feature_of_the_classifier_is_causal_in_fifty_cuts() -> None:
    report = check_leakage(compute_features, WALK, FEATURE_NAMES, cuts=50)
    assert report.cuts == 50
    assert report.clean, report.words


@pytest.mark.parametrize("planted", [0, 7, 11])
def test_a_feature_that_reads_the_next_bar_is_flagged_by_name(planted: int) -> None:
    def leaking(series: CandleSeries) -> np.ndarray:
        features = compute_features(series)
        ahead = np.append(series.close[1:], series.close[-1])
        features[:, planted] += 1e-9 * ahead
        return features

    report = check_leakage(leaking, WALK, FEATURE_NAMES, cuts=20)
    assert [leak.name for leak in report.leaks] == [FEATURE_NAMES[planted]]


def test_a_mean_over_the_whole_history_is_flagged_although_it_reads_no_single_later_bar() -> None:
    def scaled(series: CandleSeries) -> np.ndarray:
        return (series.close - series.close.mean())[:, None]

    assert not check_leakage(scaled, WALK, ("scaled_close",), cuts=5).clean


def test_windows_of_all_three_timeframes_are_causal_in_fifty_cuts() -> None:
    window = 16

    def windows(series: CandleSeries) -> np.ndarray:
        arrays, positions = series_arrays(series)
        usable = usable_bars(series, positions, window)
        rows = np.flatnonzero(usable)
        for scale in SCALES:
            arrays[f"position_x{scale}"] = positions[scale][rows]
        made = np.full((len(series.close_ms), len(WINDOW_NAMES), window), np.nan, dtype=np.float32)
        cut, _ = cut_windows(arrays, np.arange(len(rows)), window)
        made[rows] = cut.transpose(1, 0, 2, 3).reshape(len(rows), len(WINDOW_NAMES), window)
        return made

    report = check_leakage(windows, WALK, WINDOW_NAMES, cuts=50)
    assert report.clean, report.words
    assert np.isfinite(windows(WALK)[-1]).all()
