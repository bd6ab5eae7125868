"""The compiled Dickey-Fuller test gives what statsmodels gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from statsmodels.tsa.stattools import adfuller

from models.mean_reversion.adf import adf, adf_p_values, largest_lag, mackinnon_p


def autoregression(phi: float, count: int, seed: int, moving: float = 0.0) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    shocks = generator.normal(0.0, 1e-3, count + 200)
    x = np.zeros(count + 200)
    for i in range(1, x.size):
        x[i] = phi * x[i - 1] + shocks[i] + moving * shocks[i - 1]
    return 11.0 + x[200:]


@pytest.mark.parametrize("phi", [1.0, 0.99, 0.9, 0.3])
@pytest.mark.parametrize("count", [25, 60, 288, 700])
@pytest.mark.parametrize("moving", [0.0, -0.7])
def test_every_number_is_that_of_statsmodels(phi: float, count: int, moving: float) -> None:
    for seed in range(3):
        x = autoregression(phi, count, seed, moving)
        statistic, p_value, lags, observations, *_ = adfuller(
            x, regression="c", autolag="AIC", result_object=False
        )
        found = adf(x)
        assert found.lags == lags
        assert found.observations == observations
        assert found.statistic == pytest.approx(statistic, rel=1e-7)
        assert found.p_value == pytest.approx(p_value, rel=1e-6, abs=1e-12)


def test_windows_are_single_tests() -> None:
    x = autoregression(0.97, 1200, 9)
    bars = np.array([287, 288, 700, 1199])
    assert adf_p_values(x, bars, 288).tolist() == [adf(x[bar - 287 : bar + 1]).p_value for bar in bars]


def test_a_random_walk_is_rarely_called_stationary() -> None:
    x = autoregression(1.0, 60_000, 3)
    rejected = adf_p_values(x, np.arange(287, x.size, 150), 288) < 0.05
    assert 0.01 < rejected.mean() < 0.12


def test_windows_without_variation_are_not_stationary() -> None:
    x = np.concatenate((np.full(300, 4.0), autoregression(0.5, 300, 1)))
    assert adf_p_values(x, np.array([299]), 288).tolist() == [1.0]


def test_p_values_end_at_zero_and_one_and_fall_with_the_statistic() -> None:
    statistics = np.linspace(-20.0, 3.0, 400)
    values = [mackinnon_p(float(statistic)) for statistic in statistics]
    assert values[0] == 0.0
    assert values[-1] == 1.0
    assert all(a <= b + 1e-3 for a, b in itertools.pairwise(values))
    assert largest_lag(288) == 16


def test_nothing_to_test_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        adf(np.arange(5.0))
    with pytest.raises(ValueError, match="constant"):
        adf(np.full(50, 2.0))
    with pytest.raises(ValueError, match="finite"):
        adf(np.array([np.nan] * 50))
    with pytest.raises(ValueError, match="outside"):
        adf_p_values(np.arange(100.0), np.array([50]), 60)
