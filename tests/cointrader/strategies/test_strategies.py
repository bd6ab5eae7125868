"""What the strategies wish for, and that they never look ahead."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from cointrader.strategies import registry
from cointrader.strategies.base import CLOSE_LONG, CLOSE_SHORT, OPPOSITE_LONG, OPPOSITE_SHORT, SignalArrays
from models.indicators import atr, ema, roc
from models.mean_reversion.adf import adf
from models.mean_reversion.ou import OuStatus, fit_ou
from models.parameters import ParameterError
from storage.candles import Candles
from tests.cointrader.market import head, walk

CANDLES = walk(4000, seed=5, keep=0.97)


def signals_of(name: str, candles: Candles = CANDLES, **params: Any) -> SignalArrays:
    return registry.load(name).signals(candles, registry.build_params(name, params))


@pytest.mark.parametrize("name", registry.names())
def test_cutting_the_future_off_changes_no_bit(name: str) -> None:
    whole = signals_of(name)
    for bars in (289, 700, 1024, 1025, 2311, 3999):
        early = signals_of(name, head(CANDLES, bars))
        known = int(np.searchsorted(whole.index, bars))
        for item in fields(SignalArrays):
            now, then = getattr(whole, item.name), getattr(early, item.name)
            expected = now[:bars] if item.name == "exits" else now[:known]
            assert then.tobytes() == np.ascontiguousarray(expected).tobytes(), (item.name, bars)


def test_momentum_enters_where_the_averages_cross_and_the_rate_of_change_agrees() -> None:
    found = signals_of("momentum")
    gap = ema(CANDLES.close, 8) - ema(CANDLES.close, 21)
    spread = atr(CANDLES.high, CANDLES.low, CANDLES.close, 14)
    speed = roc(CANDLES.close, 5)
    expected = [
        i
        for i in range(21, len(CANDLES))
        if (gap[i] > 0) != (gap[i - 1] > 0) and np.sign(gap[i]) == np.sign(speed[i])
    ]
    assert found.index.tolist() == expected
    assert len(expected) > 50
    at = found.index
    assert found.side.tolist() == np.sign(gap[at]).tolist()
    assert found.confidence.tolist() == pytest.approx(np.minimum(np.abs(gap[at]) / spread[at], 1.0).tolist())
    assert found.stop_distance.tolist() == (2.0 * spread[at]).tolist()
    assert found.target_distance.tolist() == (4.0 * spread[at]).tolist()
    assert set(found.max_bars.tolist()) == {96}
    crossed_down = (gap[1:] < 0) & (gap[:-1] >= 0)
    assert np.flatnonzero(found.exits & OPPOSITE_LONG).tolist() == (1 + np.flatnonzero(crossed_down)).tolist()
    assert not np.any((found.exits & OPPOSITE_LONG > 0) & (found.exits & OPPOSITE_SHORT > 0))


def test_mean_bot_enters_far_from_a_mean_that_the_price_comes_back_to() -> None:
    found = signals_of("mean_bot")
    assert len(found) > 20
    price = np.log(CANDLES.close)
    entered = set(found.index.tolist())
    some = [*found.index[::7].tolist(), *range(300, len(CANDLES), 97)]
    for bar in some:
        window = price[bar - 287 : bar + 1]
        fit = fit_ou(window)
        far = False
        if fit.status is OuStatus.VALID:
            assert fit.mu is not None and fit.stationary_std is not None
            score = -(price[bar] - fit.mu) / fit.stationary_std
            far = abs(score) >= 2.0
        assert (bar in entered) == (far and adf(window).p_value < 0.05)


def test_mean_bot_buys_below_the_mean_and_leaves_near_it() -> None:
    found = signals_of("mean_bot")
    assert set(found.side.tolist()) == {1, -1}
    assert np.all(found.confidence >= 2.0 / 3.0)
    assert np.all(found.confidence <= 1.0)
    assert np.all((found.max_bars >= 1) & (found.max_bars <= 96))
    assert np.isnan(found.target_distance).all()
    below = found.index[found.side > 0]
    assert not np.any(found.exits[below] & CLOSE_LONG), "far below the mean a long has no reason to leave"
    assert np.all(found.exits[below] & CLOSE_SHORT), "a short that got there is past the mean"
    above = found.index[found.side < 0]
    assert not np.any(found.exits[above] & CLOSE_SHORT)
    assert np.all(found.exits[above] & CLOSE_LONG)


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("bars", [1, 2, 20, 288])
def test_short_histories_give_no_signals_and_no_error(name: str, bars: int) -> None:
    found = signals_of(name, head(CANDLES, bars))
    assert found.exits.size == bars
    if bars < 21:
        assert len(found) == 0


@pytest.mark.parametrize("name", registry.names())
def test_a_price_that_never_moves_gives_no_signals(name: str) -> None:
    flat = head(CANDLES, 600)
    for column in (flat.open, flat.high, flat.low, flat.close):
        column[:] = 100.0
    assert len(signals_of(name, flat)) == 0


def test_parameters_out_of_range_name_their_range() -> None:
    with pytest.raises(ParameterError, match="2 to 500"):
        registry.build_params("momentum", {"fast": 1})
    with pytest.raises(ParameterError, match="shorter than slow"):
        registry.build_params("momentum", {"fast": 30})
    with pytest.raises(ParameterError, match="smaller than enter"):
        registry.build_params("mean_bot", {"leave": 2.5})


def test_unknown_strategies_are_named() -> None:
    with pytest.raises(registry.UnknownStrategy, match="known are momentum"):
        registry.get("martingale")


def test_listing_strategies_loads_no_array_library() -> None:
    program = (
        "import sys; from cointrader.strategies import registry; "
        "[registry.params_class(name) for name in registry.names()]; "
        "print([name for name in ('numpy', 'numba', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
