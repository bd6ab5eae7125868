"""Indicators: against pandas and against arithmetic, and both forms against each other to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import models.indicators as indicators
from models.indicators import series
from tests.models.walks import random_walk

BARS = random_walk(3000, seed=11)
HIGH, LOW, CLOSE, VOLUME = BARS.high, BARS.low, BARS.close, BARS.volume
Array = series.FloatArray


def stream(update: Callable[..., float], *columns: Array) -> Array:
    return np.array([update(*row) for row in zip(*(column.tolist() for column in columns), strict=True)])


@pytest.mark.parametrize("period", [1, 2, 14, 100])
def test_both_forms_give_the_same_numbers(period: int) -> None:
    pairs = {
        "sma": (indicators.sma(CLOSE, period), stream(indicators.SmaStream(period).update, CLOSE)),
        "ema": (indicators.ema(CLOSE, period), stream(indicators.EmaStream(period).update, CLOSE)),
        "rsi": (indicators.rsi(CLOSE, period), stream(indicators.RsiStream(period).update, CLOSE)),
        "atr": (
            indicators.atr(HIGH, LOW, CLOSE, period),
            stream(indicators.AtrStream(period).update, HIGH, LOW, CLOSE),
        ),
        "roc": (indicators.roc(CLOSE, period), stream(indicators.RocStream(period).update, CLOSE)),
        "adx": (
            indicators.adx(HIGH, LOW, CLOSE, period),
            stream(indicators.AdxStream(period).update, HIGH, LOW, CLOSE),
        ),
        "vwap": (
            indicators.vwap(HIGH, LOW, CLOSE, VOLUME, period),
            stream(indicators.VwapStream(period).update, HIGH, LOW, CLOSE, VOLUME),
        ),
        "obv": (indicators.obv(CLOSE, VOLUME), stream(indicators.ObvStream().update, CLOSE, VOLUME)),
        "bollinger": (
            np.array(indicators.bollinger(CLOSE, period)).T,
            stream(indicators.BollingerStream(period).update, CLOSE),
        ),
    }
    for name, (whole, fed) in pairs.items():
        np.testing.assert_array_equal(whole, fed, err_msg=name)
        assert np.isfinite(whole).mean() > 0.9, name


def test_the_fused_pass_gives_the_numbers_of_the_single_ones() -> None:
    fused = indicators.rsi_vwap_bollinger_atr(HIGH, LOW, CLOSE, VOLUME)
    upper, middle, lower = indicators.bollinger(CLOSE, 20, 2.0)
    np.testing.assert_array_equal(fused.rsi, indicators.rsi(CLOSE, 14))
    np.testing.assert_array_equal(fused.vwap, indicators.vwap(HIGH, LOW, CLOSE, VOLUME, 14))
    np.testing.assert_array_equal(fused.atr, indicators.atr(HIGH, LOW, CLOSE, 14))
    np.testing.assert_array_equal(fused.upper, upper)
    np.testing.assert_array_equal(fused.middle, middle)
    np.testing.assert_array_equal(fused.lower, lower)


def test_one_bar_at_a_time_gives_the_numbers_of_the_whole() -> None:
    update = indicators.rsi_atr_stream(14)
    fed = np.array([update(*row) for row in zip(HIGH.tolist(), LOW.tolist(), CLOSE.tolist(), strict=True)])
    np.testing.assert_array_equal(fed[:, 0], indicators.rsi(CLOSE, 14))
    np.testing.assert_array_equal(fed[:, 1], indicators.atr(HIGH, LOW, CLOSE, 14))


def test_two_streams_do_not_share_their_state() -> None:
    one, other = indicators.rsi_atr_stream(2), indicators.rsi_atr_stream(2)
    for price in (1.0, 2.0, 3.0, 2.5):
        one(price, price, price)
    assert math.isnan(other(1.0, 1.0, 1.0)[0])


def test_indicators_agree_with_pandas() -> None:
    frame = pd.Series(CLOSE)
    window = frame.rolling(20)
    bands = indicators.bollinger(CLOSE, 20, 2.0)
    np.testing.assert_allclose(indicators.sma(CLOSE, 20), window.mean(), rtol=1e-12)
    np.testing.assert_allclose(bands.middle, window.mean(), rtol=1e-12)
    np.testing.assert_allclose(bands.upper, window.mean() + 2 * window.std(ddof=0), rtol=1e-9)
    np.testing.assert_allclose(indicators.ema(CLOSE, 8), frame.ewm(span=8, adjust=False).mean(), rtol=1e-12)
    np.testing.assert_allclose(indicators.roc(CLOSE, 5), 100 * frame.pct_change(5), rtol=1e-9, atol=1e-12)
    typical = pd.Series((HIGH + LOW + CLOSE) / 3)
    weighted = (typical * VOLUME).rolling(14).sum() / pd.Series(VOLUME).rolling(14).sum()
    np.testing.assert_allclose(indicators.vwap(HIGH, LOW, CLOSE, VOLUME, 14), weighted, rtol=1e-10)


def test_wilders_averages_worked_out_by_hand() -> None:
    close = np.array([10.0, 11.0, 10.5, 12.5, 11.5])
    # Gains 1, 0, 2, 0 and losses 0, .5, 0, 1; plain means of two, then half-way steps.
    assert indicators.rsi(close, 2)[2:].tolist() == pytest.approx(
        [100 * 0.5 / 0.75, 100 * 1.25 / 1.375, 100 * 0.625 / (0.625 + 0.5625)]
    )
    high, low = close + 0.5, close - 0.25
    # True ranges 1.5 (from the close at 10), .75, 2.5 (from 10.5), 1.25 (to 12.5).
    assert indicators.atr(high, low, close, 2)[2:].tolist() == pytest.approx([1.125, 1.8125, 1.53125])


def test_a_strong_trend_has_a_high_directional_index_and_a_coin_a_low_one() -> None:
    rising = 100.0 + np.arange(200.0)
    assert indicators.adx(rising + 1, rising - 1, rising, 14)[-1] == pytest.approx(100.0)
    assert np.nanmedian(indicators.adx(HIGH, LOW, CLOSE, 14)) < 30.0


def test_prices_that_never_move_are_no_division_by_zero() -> None:
    flat = np.full(60, 5.0)
    assert indicators.rsi(flat, 14)[-1] == 50.0
    assert indicators.atr(flat, flat, flat, 14)[-1] == 0.0
    assert indicators.adx(flat, flat, flat, 14)[-1] == 0.0
    assert indicators.bollinger(flat, 20).upper[-1] == 5.0
    assert indicators.vwap(flat, flat, flat, np.zeros(60), 14)[-1] == 5.0


def test_rounding_does_not_grow_with_the_length_of_the_series() -> None:
    """A price that fell from millions to cents: sums kept over the whole way would have lost the cents."""
    generator = np.random.default_rng(2)
    close = np.concatenate((np.full(1500, 5e6), 0.05 + 1e-4 * generator.random(3000)))
    last = close[-20:]
    bands = indicators.bollinger(close, 20, 2.0)
    assert bands.middle[-1] == pytest.approx(last.mean(), rel=1e-12)
    assert bands.upper[-1] - bands.middle[-1] == pytest.approx(2 * last.std(), rel=1e-6)


def test_a_value_that_is_not_finite_is_refused_with_its_place() -> None:
    broken = CLOSE.copy()
    broken[17] = np.nan
    with pytest.raises(ValueError, match="position 17 is not finite"):
        indicators.rsi(broken)
    with pytest.raises(ValueError, match="high: value inf"):
        indicators.atr(np.array([1.0, np.inf]), np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="different lengths"):
        indicators.atr(HIGH, LOW[:-1], CLOSE)
    with pytest.raises(ValueError, match="at least 1 bar"):
        indicators.sma(CLOSE, 0)


def test_series_shorter_than_the_period_have_no_value_yet() -> None:
    short = CLOSE[:5]
    assert np.isnan(indicators.sma(short, 14)).all()
    assert np.isnan(indicators.rsi(short, 14)).all()
    assert np.isnan(indicators.roc(short, 14)).all()
    assert indicators.ema(short[:0], 14).size == 0
    assert indicators.sma(short[:0], 14).size == 0


def test_an_indicator_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'crystal_ball'"):
        _ = indicators.crystal_ball
