"""The state of an agent: known at the close, of fixed size, in units without a price."""

import numpy as np
import pytest

from models.candle_series import PlainCandles, truncate
from models.errors import BadCandles
from models.rl_state import STATE_NAMES, rl_states
from models.signal_classifier.features import WARM_UP_BARS, compute_features
from tests.models.walks import random_walk

BARS = 2_300


@pytest.fixture(scope="module")
def walk() -> PlainCandles:
    return random_walk(BARS, seed=3)


@pytest.fixture(scope="module")
def states(walk: PlainCandles) -> np.ndarray:
    return rl_states(walk)


def test_every_bar_after_the_warm_up_has_a_finite_state_within_bounds(states: np.ndarray) -> None:
    assert states.shape == (BARS, len(STATE_NAMES)) and states.dtype == np.float32
    assert np.isnan(states[:WARM_UP_BARS]).all()
    assert np.isfinite(states[WARM_UP_BARS:]).all()
    assert np.abs(states[WARM_UP_BARS:]).max() <= 8.0


def test_the_past_looks_the_same_to_the_bit_whatever_came_after_it(
    walk: PlainCandles, states: np.ndarray
) -> None:
    cuts = np.random.default_rng(0).integers(WARM_UP_BARS, BARS, 50)
    for bars in (0, 1, 5, 96, 97, 98, 1024, 1025, *cuts.tolist()):
        assert rl_states(truncate(walk, bars)).tobytes() == states[:bars].tobytes(), bars


def test_a_price_in_other_units_gives_the_same_state(walk: PlainCandles, states: np.ndarray) -> None:
    prices = {name: getattr(walk, name) * 256.0 for name in ("open", "high", "low", "close")}
    scaled = PlainCandles(**{**vars(walk), **prices})
    np.testing.assert_allclose(rl_states(scaled), states, rtol=1e-4, atol=1e-4)


def test_each_number_is_the_one_its_name_says(walk: PlainCandles, states: np.ndarray) -> None:
    at = 1_234
    column = {name: float(states[at, place]) for place, name in enumerate(STATE_NAMES)}
    features = compute_features(walk)[at]
    np.testing.assert_array_equal(states[at, :12], features.astype(np.float32))
    low, high = walk.low[at - 95 : at + 1].min(), walk.high[at - 95 : at + 1].max()
    assert column["range_96"] == pytest.approx(2.0 * (walk.close[at] - low) / (high - low) - 1.0, rel=1e-6)
    deviation = np.diff(np.log(walk.close[at - 96 : at + 1])).std()
    assert column["volatility"] == pytest.approx(np.log10(deviation / 1e-3), abs=1e-6)
    minute = walk.close_ms[at] // 60_000 % 1_440
    assert column["hour_sin"] == pytest.approx(np.sin(2.0 * np.pi * minute / 1_440), abs=1e-6)
    before = walk.close[at - 5 : at]
    extreme = int(walk.close[at] > before.max()) - int(walk.close[at] < before.min())
    assert column["extreme"] == extreme


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
def test_a_price_that_cannot_be_is_refused(walk: PlainCandles, bad: float) -> None:
    close = walk.close.copy()
    close[700] = bad
    with pytest.raises(BadCandles, match="close of bar 700"):
        rl_states(PlainCandles(**{**vars(walk), "close": close}))
