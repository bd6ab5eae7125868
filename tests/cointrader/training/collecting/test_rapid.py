"""Rapid changes: a step fires once, a constant series never, one price at a time agrees with all at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cointrader.settings import RapidSettings
from cointrader.training.collecting.rapid import RapidChangeDetector, rapid_changes
from models.candle_series import FloatArray, IntArray, PlainCandles
from models.errors import BadCandles
from tests.models.walks import random_walk

MINUTE = 60_000
DEFAULTS = RapidSettings()


def of_closes(
    close: FloatArray, timeframe_ms: int = MINUTE, close_ms: IntArray | None = None
) -> PlainCandles:
    times = timeframe_ms * np.arange(1, len(close) + 1, dtype=np.int64) if close_ms is None else close_ms
    values = np.asarray(close, dtype=np.float64)
    return PlainCandles("BTC/USDT", timeframe_ms, times, values, values, values, values, np.ones(len(values)))


def walk(bars: int, timeframe_ms: int, seed: int = 1, deviation: float = 1e-3) -> PlainCandles:
    return of_closes(random_walk(bars, seed, deviation=deviation).close, timeframe_ms)


@pytest.mark.parametrize("timeframe_ms", [1_000, MINUTE, 5 * MINUTE])
def test_a_constant_series_never_fires(timeframe_ms: int) -> None:
    columns = rapid_changes(of_closes(np.full(5_000, 100.0), timeframe_ms), DEFAULTS)
    assert not columns.fired.any()


@pytest.mark.parametrize("timeframe_ms", [1_000, 10_000, MINUTE])
@pytest.mark.parametrize("step", [1.01, 0.99])
@pytest.mark.parametrize("into_the_minute", [0, 7])
def test_a_step_of_one_percent_in_a_minute_fires_exactly_once(
    timeframe_ms: int, step: float, into_the_minute: int
) -> None:
    at = 40 * MINUTE // timeframe_ms + into_the_minute
    close = np.full(3 * at, 100.0)
    close[at:] *= step
    columns = rapid_changes(of_closes(close, timeframe_ms), DEFAULTS)
    assert np.flatnonzero(columns.fired).tolist() == [at]
    assert columns.velocity[at] == pytest.approx(100.0 * (step - 1.0))


def test_nothing_fires_while_it_warms_up() -> None:
    close = np.full(60, 100.0)
    close[29:] = 101.0  # bar 29 closes 29 minutes after the first
    assert not rapid_changes(of_closes(close), DEFAULTS).fired.any()
    close = np.full(60, 100.0)
    close[30:] = 101.0
    assert np.flatnonzero(rapid_changes(of_closes(close), DEFAULTS).fired).tolist() == [30]


def test_a_slow_rise_does_not_fire_and_a_fast_one_fires_as_often_as_the_cooldown_lets_it() -> None:
    slow = 100.0 * 1.004 ** np.arange(100)
    assert not rapid_changes(of_closes(slow), DEFAULTS).fired.any()
    fast = 100.0 * 1.006 ** np.arange(100)
    every_minute = rapid_changes(of_closes(fast), DEFAULTS).fired
    assert every_minute.sum() == 70
    rested = rapid_changes(of_closes(fast), RapidSettings(cooldown_seconds=600.0)).fired
    assert np.diff(np.flatnonzero(rested)).tolist() == [10] * 6


def test_velocity_is_percent_a_minute_of_the_time_that_passed() -> None:
    close_ms = MINUTE * np.array([1, 2, 5, 6], dtype=np.int64)
    columns = rapid_changes(of_closes(np.array([100.0, 101.0, 104.03, 104.03]), close_ms=close_ms), DEFAULTS)
    assert np.isnan(columns.velocity[0])
    np.testing.assert_allclose(columns.velocity[1:], [1.0, 1.0, 0.0], atol=1e-9)


def test_a_spike_of_volatility_fires_without_any_fast_minute() -> None:
    """Returns of 1 bp become returns of 40 bps: below half a percent each, and forty times the usual."""
    sign = np.where(np.arange(200) % 2, 1.0, -1.0)
    returns = sign * np.where(np.arange(200) < 150, 1e-4, 4e-3)
    columns = rapid_changes(of_closes(100.0 * np.exp(np.cumsum(returns))), DEFAULTS)
    fired = np.flatnonzero(columns.fired)
    assert np.nanmax(np.abs(columns.velocity)) < 0.5 and fired.tolist() == [150]
    assert columns.spike[150] >= 3.0


def test_the_spike_is_its_formula() -> None:
    series = walk(400, MINUTE)
    columns = rapid_changes(series, DEFAULTS)
    np.testing.assert_allclose(columns.spike[11:], spikes_by_hand(np.log(series.close))[11:], rtol=1e-9)
    assert np.isnan(columns.spike[:10]).all()


def spikes_by_hand(log_close: FloatArray) -> FloatArray:
    returns = np.diff(log_close)
    deviation = {bar: returns[bar - 5 : bar].std() for bar in range(5, len(log_close))}
    fade, baseline = 1.0 - 0.5 ** (1.0 / 60.0), None
    spikes = np.full(len(log_close), np.nan)
    for bar in range(10, len(log_close)):
        left = deviation[bar - 5]
        baseline = left if baseline is None else baseline + fade * (left - baseline)
        spikes[bar] = deviation[bar] / max(baseline, 1e-4)
    return spikes


def test_longer_bars_fire_above_the_usual_99_9th_percentile_of_their_own_velocity() -> None:
    """Bars of five minutes that usually move 4 %: half a percent a minute alone is nothing special there."""
    series = walk(6_000, 5 * MINUTE, deviation=0.04)
    quiet_spikes = RapidSettings(spike_multiple=1_000.0)
    columns = rapid_changes(series, quiet_spikes)
    speed = np.abs(columns.velocity)
    assert (speed[2_001:] >= 0.5).mean() > 0.4
    assert 0 < columns.fired[2_001:].sum() < 20
    for bar in range(2_001, 6_000, 97):
        rank = np.sort(speed[bar - 2_000 : bar])[int(np.ceil(0.999 * 2_000)) - 1]
        assert columns.fired[bar] == (speed[bar] >= max(0.5, rank))


@settings(max_examples=25, deadline=None)
@given(
    timeframe_ms=st.sampled_from([1_000, 7_000, 30_000, MINUTE, 90_000, 5 * MINUTE]),
    seed=st.integers(0, 99),
    deviation=st.sampled_from([1e-4, 1e-3, 1e-2]),
    gaps=st.booleans(),
)
def test_one_price_at_a_time_says_what_the_whole_series_does(
    timeframe_ms: int, seed: int, deviation: float, gaps: bool
) -> None:
    series = walk(400, timeframe_ms, seed, deviation)
    if gaps:
        steps = np.random.default_rng(seed).choice([1, 1, 1, 2, 9], 400)
        series = of_closes(series.close, timeframe_ms, timeframe_ms * np.cumsum(steps))
    columns = rapid_changes(series, DEFAULTS)
    detector = RapidChangeDetector(DEFAULTS, timeframe_ms)
    prices = (series.close_ms.tolist(), series.close.tolist())
    readings = [detector.update(at, price) for at, price in zip(*prices, strict=True)]
    np.testing.assert_array_equal([each.velocity for each in readings], columns.velocity)
    np.testing.assert_array_equal([each.spike for each in readings], columns.spike)
    assert [each.fired for each in readings] == columns.fired.tolist()


def test_a_later_bar_changes_nothing_that_was_said() -> None:
    whole = rapid_changes(walk(3_000, 5 * MINUTE), DEFAULTS)
    part = rapid_changes(walk(2_500, 5 * MINUTE), DEFAULTS)
    for name in ("velocity", "spike", "fired"):
        assert getattr(part, name).tobytes() == getattr(whole, name)[:2_500].tobytes()


@pytest.mark.parametrize("price", [np.nan, np.inf, -np.inf, 0.0, -5.0])
def test_a_price_that_cannot_be_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="finite number above 0"):
        RapidChangeDetector(DEFAULTS, MINUTE).update(MINUTE, price)
    with pytest.raises(BadCandles, match="of bar 1 "):
        rapid_changes(of_closes(np.array([100.0, price])), DEFAULTS)


def test_prices_out_of_order_are_refused() -> None:
    detector = RapidChangeDetector(DEFAULTS, MINUTE)
    detector.update(5 * MINUTE, 100.0)
    with pytest.raises(ValueError, match="order of time"):
        detector.update(5 * MINUTE, 100.0)
