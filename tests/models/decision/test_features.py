"""A feature is what was known at the signal, to the bit, whatever happened after it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.candle_series import FloatArray, truncate
from models.decision.closed_signals import AskedSignals, ClosedSignals
from models.decision.features import FEATURE_NAMES, STRATEGIES, compute_features
from tests.models.decision.closes import MINUTES_5, coin_closes
from tests.models.walks import random_walk

HOUR = 3_600_000


def told(features: FloatArray, name: str) -> list[float]:
    column: list[float] = features[:, FEATURE_NAMES.index(name)].tolist()
    return column


def closes(*rows: tuple[int, int, str, str, float]) -> ClosedSignals:
    """Rows of (ts_ms, ends_ms, symbol, strategy, net return)."""
    ts, ends, symbol, strategy, net = zip(*rows, strict=True)
    unknown = np.full(len(rows), np.nan)
    side = np.zeros(len(rows), np.int64)
    asked = AskedSignals(np.array(ts, dtype=np.int64), symbol, strategy, side, unknown, unknown)
    return ClosedSignals(asked, np.array(ends, dtype=np.int64), np.array(net) > 0.0, np.array(net))


def test_features_of_fifty_moments_are_the_same_when_nothing_later_is_there() -> None:
    walk, closed = random_walk(4_500, seed=3), coin_closes(2_000, seed=3)
    whole = compute_features(closed.asked, closed, [walk], 50)
    for row in np.random.default_rng(0).integers(1_000, 2_000, 50).tolist():
        moment = int(closed.asked.ts_ms[row])
        earlier = closed.at(np.flatnonzero(closed.ends_ms < moment))
        bars = int(np.searchsorted(walk.close_ms, moment, side="right"))
        asked = closed.asked.at(np.array([row]))
        cut = compute_features(asked, earlier, [truncate(walk, bars)], 50)
        assert cut[0].tobytes() == whole[row].tobytes(), row


def test_the_outcome_of_a_signal_is_in_none_of_its_own_features() -> None:
    closed = coin_closes(600, seed=9)
    for row in (0, 300, 599):
        pays, net = closed.pays.copy(), closed.net_return.copy()
        pays[row], net[row] = not pays[row], -net[row]
        other = dataclasses.replace(closed, pays=pays, net_return=net)
        one = compute_features(closed.asked, closed, [], 50)
        two = compute_features(closed.asked, other, [], 50)
        assert one[row].tobytes() == two[row].tobytes()


def test_a_win_rate_counts_what_had_closed_before_and_is_drawn_to_a_half() -> None:
    made = closes(
        (0, 10, "BTC/USDT", "momentum", 0.02),
        (0, 20, "ETH/USDT", "momentum", -0.01),
        (0, 30, "BTC/USDT", "mean_bot", 0.5),
        (20, 40, "BTC/USDT", "momentum", 0.1),
        (21, 40, "BTC/USDT", "momentum", 0.1),
    )
    features = compute_features(made.asked, made, [], 50)
    # One win of one at 20, as what closes at 20 itself may be filled after it; one of two at 21.
    assert told(features, "trailing_win_rate")[3:] == pytest.approx([3.5 / 6 - 0.5, 3.5 / 7 - 0.5])
    assert told(features, "trailing_return")[3:] == pytest.approx([2.0, 0.5])
    assert told(features, "trailing_closes")[3:] == pytest.approx([np.log(2.0), np.log(3.0)])
    assert told(features, "symbol_win_rate")[3:] == pytest.approx([3.5 / 6 - 0.5] * 2)
    assert told(features, "trailing_win_rate")[:3] == [0.0, 0.0, 0.0]


def test_only_the_latest_closes_count() -> None:
    rows = [(place, place + 1, "BTC/USDT", "momentum", 0.01 if place < 10 else -0.01) for place in range(15)]
    made = closes(*rows, (100, 101, "BTC/USDT", "momentum", 0.01))
    assert told(compute_features(made.asked, made, [], 5), "trailing_return")[-1] == pytest.approx(-1.0)
    assert told(compute_features(made.asked, made, [], 15), "trailing_return")[-1] == pytest.approx(1.0 / 3.0)


def test_the_hour_is_a_place_on_the_clock() -> None:
    made = closes(*((hour * HOUR, hour * HOUR, "BTC/USDT", "x", 0.0) for hour in (0, 6, 12, 24)))
    features = compute_features(made.asked, made, [], 50)
    assert told(features, "hour_sine") == pytest.approx([0.0, 1.0, 0.0, 0.0], abs=1e-12)
    assert told(features, "hour_cosine") == pytest.approx([1.0, 0.0, -1.0, 1.0], abs=1e-12)


def test_calm_and_unrest_are_the_outer_thirds_of_what_was_lately() -> None:
    calm, wild = random_walk(1_500, 1, deviation=1e-4), random_walk(1_500, 2, deviation=1e-2)
    close = np.concatenate([calm.close, wild.close * calm.close[-1] / 100.0, calm.close])
    bars = len(close)
    series = dataclasses.replace(
        calm,
        close_ms=MINUTES_5 * np.arange(1, bars + 1, dtype=np.int64),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.ones(bars),
    )
    moments = [int(series.close_ms[bar]) for bar in (100, 1_700, 3_300)]
    late = int(series.close_ms[-1]) + 3 * MINUTES_5
    made = closes(*((moment, moment, "BTC/USDT", "x", 0.0) for moment in [*moments, late]))
    features = compute_features(made.asked, made, [series], 50)
    assert told(features, "volatility_known") == [0.0, 1.0, 1.0, 0.0]
    assert told(features, "volatility_high") == [0.0, 1.0, 0.0, 0.0]
    assert told(features, "volatility_low") == [0.0, 0.0, 1.0, 0.0]


def test_what_is_unknown_is_zero_with_a_mark() -> None:
    made = closes((0, 1, "BTC/USDT", "grid", 0.0))
    features = compute_features(made.asked, made, [], 50)
    assert np.isfinite(features).all()
    for name in ("confidence_known", "exposure_known", "volatility_known", "side"):
        assert told(features, name) == [0.0]
    assert all(told(features, f"strategy_{name}") == [0.0] for name in STRATEGIES)
