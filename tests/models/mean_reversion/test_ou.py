"""The Ornstein-Uhlenbeck fit: known processes, the optimiser's answer, and rolling windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import least_squares

from models.mean_reversion.ou import OuFit, OuStatus, fit_ou, rolling_ou


def process(theta: float, count: int, seed: int = 0, step: float = 1.0) -> NDArray[np.float64]:
    """An exactly sampled process around 3 with sigma 0.2."""
    generator = np.random.default_rng(seed)
    b = math.exp(-theta * step)
    noise = 0.2 * math.sqrt((1 - b * b) / (2 * theta))
    x = np.empty(count)
    x[0] = 3.0
    for i in range(1, count):
        x[i] = 3.0 + b * (x[i - 1] - 3.0) + generator.normal(0.0, noise)
    return x


def valid(fit: OuFit) -> tuple[float, float, float, float, float]:
    assert fit.status is OuStatus.VALID
    assert fit.theta is not None and fit.mu is not None and fit.sigma is not None
    assert fit.half_life is not None and fit.stationary_std is not None
    return fit.theta, fit.mu, fit.sigma, fit.half_life, fit.stationary_std


def test_the_parameters_of_a_long_process_are_found() -> None:
    theta, mu, sigma, half_life, stationary = valid(fit_ou(process(0.5, 200_000)))
    assert theta == pytest.approx(0.5, rel=0.02)
    assert mu == pytest.approx(3.0, abs=0.005)
    assert sigma == pytest.approx(0.2, rel=0.01)
    assert half_life == pytest.approx(math.log(2) / theta)
    assert stationary == pytest.approx(sigma / math.sqrt(2 * theta))


def test_an_euler_step_would_have_been_biased() -> None:
    fit = fit_ou(process(0.5, 200_000))
    assert 1.0 - fit.b == pytest.approx(0.3935, abs=0.005)


def test_the_optimiser_on_the_exact_transition_agrees() -> None:
    x, step = process(0.3, 2_000, seed=3, step=0.5), 0.5

    def residuals(guess: NDArray[np.float64]) -> NDArray[np.float64]:
        b = np.exp(-guess[0] * step)
        return np.asarray(x[1:] - guess[1] - b * (x[:-1] - guess[1]))

    found = least_squares(residuals, x0=[0.1, 2.0], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    theta, mu, sigma, _, _ = valid(fit_ou(x, step))
    assert theta == pytest.approx(found.x[0], rel=1e-6)
    assert mu == pytest.approx(found.x[1], rel=1e-6)
    spread = float(np.std(residuals(found.x)))
    assert sigma == pytest.approx(
        spread * math.sqrt(2 * found.x[0] / (1 - math.exp(-2 * found.x[0] * step))), rel=1e-6
    )


def test_the_correction_takes_most_of_the_bias_away() -> None:
    fits = [fit_ou(process(0.05, 120, seed)) for seed in range(400)]
    true_b = math.exp(-0.05)
    plain = np.mean([fit.b for fit in fits]) - true_b
    corrected = np.mean([fit.b_corrected for fit in fits]) - true_b
    assert plain == pytest.approx(-(1 + 3 * true_b) / 119, rel=0.35)
    assert abs(corrected) < abs(plain) / 2


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(300):
        fit = fit_ou(process(0.2, 400, seed))
        assert fit.theta_low is not None and fit.theta_high is not None
        held += fit.theta_low <= 0.2 <= fit.theta_high
    assert 0.90 <= held / 300 <= 0.99


def test_what_does_not_come_back_is_said_so_with_its_diagnostics() -> None:
    rising = np.exp(0.01 * np.arange(300.0))
    fit = fit_ou(rising)
    assert fit.status is OuStatus.NOT_MEAN_REVERTING
    assert fit.b > 1.0
    assert fit.theta is fit.mu is fit.half_life is None
    zigzag = np.where(np.arange(300) % 2 == 0, 1.0, -1.0)
    assert fit_ou(zigzag).status is OuStatus.NOT_MEAN_REVERTING
    assert fit_ou(zigzag).b < 0.0


@pytest.mark.parametrize(
    ("values", "words"),
    [([1.0, 2.0, 3.0], "at least 4"), ([1.0, math.nan, 2.0, 3.0], "finite"), ([2.0] * 50, "constant")],
)
def test_nothing_to_fit_is_refused(values: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit_ou(np.array(values))


def test_rolling_windows_are_single_fits() -> None:
    x = np.log(100.0) + 0.01 * np.cumsum(np.random.default_rng(4).normal(size=5000)) + process(0.1, 5000, 5)
    window = 288
    rolled = rolling_ou(x, window)
    assert np.isnan(rolled.b[: window - 1]).all()
    for last in [window - 1, window, 1500, 3072 + window, 4999]:
        fit = fit_ou(x[last - window + 1 : last + 1])
        assert rolled.b[last] == pytest.approx(fit.b, rel=1e-9)
        if fit.status is OuStatus.VALID:
            _, mu, _, half_life, stationary = valid(fit)
            assert rolled.mu[last] == pytest.approx(mu, rel=1e-6)
            assert rolled.half_life[last] == pytest.approx(half_life, rel=1e-6)
            score = np.clip(-(x[last] - mu) / stationary, -3, 3)
            assert rolled.score[last] == pytest.approx(score, rel=1e-6, abs=1e-6)
        else:
            assert math.isnan(rolled.score[last])
    assert np.nanmax(np.abs(rolled.score)) <= 3.0


def test_rolling_over_a_constant_has_no_score() -> None:
    assert np.isnan(rolling_ou(np.full(400, 4.6), 100).score).all()
