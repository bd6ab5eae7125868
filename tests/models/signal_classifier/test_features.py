"""Twelve features, the same live and in training, whatever the price is counted in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.candle_series import truncate
from models.errors import BadCandles
from models.signal_classifier.features import FEATURE_NAMES, WARM_UP_BARS, compute_features
from tests.models.walks import random_walk

WALK = random_walk(600, seed=5)


def test_there_are_twelve_and_all_are_defined_after_the_warm_up() -> None:
    features = compute_features(WALK)
    assert features.shape == (600, len(FEATURE_NAMES)) == (600, 12)
    assert np.isnan(features[:WARM_UP_BARS]).all()
    assert np.isfinite(features[WARM_UP_BARS:]).all()


def test_the_newest_bar_has_live_the_bits_that_it_has_in_training() -> None:
    training = compute_features(WALK)
    for bars in (WARM_UP_BARS + 1, 300, 599):
        assert compute_features(truncate(WALK, bars))[-1].tobytes() == training[bars - 1].tobytes()


def test_features_do_not_depend_on_the_unit_of_price_and_volume() -> None:
    prices = {name: getattr(WALK, name) * 1_000.0 for name in ("open", "high", "low", "close")}
    dearer = dataclasses.replace(WALK, **prices, volume=WALK.volume * 7.0)
    np.testing.assert_allclose(compute_features(dearer), compute_features(WALK), rtol=1e-6, atol=1e-7)


def test_a_price_that_never_moves_gives_finite_features() -> None:
    flat = np.full(300, 50.0)
    still = dataclasses.replace(
        truncate(WALK, 300), open=flat, high=flat, low=flat, close=flat, volume=np.zeros(300)
    )
    assert np.isfinite(compute_features(still)[WARM_UP_BARS:]).all()


def test_a_known_bar_has_the_features_that_its_formulas_give() -> None:
    features = dict(zip(FEATURE_NAMES, compute_features(WALK)[500], strict=True))
    returns = np.diff(np.log(WALK.close))
    s96 = returns[500 - 96 : 500].std()
    assert features["return_6"] == pytest.approx(returns[494:500].sum() / (s96 * np.sqrt(6)), rel=1e-6)
    low, high = WALK.low[453:501].min(), WALK.high[453:501].max()
    assert features["range_48"] == pytest.approx(2 * (WALK.close[500] - low) / (high - low) - 1)
    assert features["volatility_ratio"] == pytest.approx(np.log(returns[488:500].std() / s96), rel=1e-6)
    mean_volume = WALK.volume[453:501].mean()
    assert features["volume_ratio"] == pytest.approx(np.log1p(WALK.volume[500] / mean_volume) - np.log(2))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
def test_a_price_that_is_none_is_refused_with_its_bar(value: float) -> None:
    close = WALK.close.copy()
    close[123] = value
    with pytest.raises(BadCandles, match="BTC/USDT: close of bar 123"):
        compute_features(dataclasses.replace(WALK, close=close))
