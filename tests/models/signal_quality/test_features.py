"""What was known of a signal: prices up to its bar, records up to its moment, else absence."""

import dataclasses

import numpy as np
import pytest

from models.candle_series import truncate
from models.signal_quality.features import (
    FEATURE_NAMES,
    WARM_UP_BARS,
    Freshness,
    Known,
    compute_features,
)
from models.signal_quality.feeds import known_of, recorded_prices
from models.signal_quality.rule import signals_of
from tests.models.signal_quality.feed_source import FeedSourceAtHand
from tests.models.walks import random_walk

WALK = random_walk(3_000, seed=5)
FRESH = Freshness(sentiment_ms=3_600_000.0, market_ms=300_000.0)
HOUR = 3_600_000


def known(every: int = 7) -> dict[str, Known]:
    times = WALK.close_ms[::every] - 1
    draw = np.random.default_rng(1)
    names = ("sentiment", "slippage", "spread", "liquidity")
    return {name: Known(times, draw.uniform(0.0, 1.0, len(times))) for name in names}


def test_a_row_stands_where_the_rule_gives_a_signal_and_nowhere_else() -> None:
    side, strength = signals_of(WALK)
    features = compute_features(WALK, {}, FRESH)
    has_row = np.isfinite(features[:, 0])
    expected = side != 0
    expected[:WARM_UP_BARS] = False
    assert np.array_equal(has_row, expected) and has_row.sum() > 50
    assert np.array_equal(features[has_row, 0], strength[has_row])
    assert np.array_equal(features[has_row, 1], side[has_row])
    assert ((features[has_row, 0] > 0) & (features[has_row, 0] <= 1)).all()


def test_what_no_feed_has_recorded_is_absent_and_not_zero() -> None:
    features = compute_features(WALK, {}, FRESH)
    rows = np.isfinite(features[:, 0])
    recorded = [
        FEATURE_NAMES.index(name) for name in ("sentiment", "slippage_bps", "spread_bps", "liquidity")
    ]
    assert np.isnan(features[rows][:, recorded]).all()
    others = [place for place in range(len(FEATURE_NAMES)) if place not in recorded]
    assert np.isfinite(features[rows][:, others]).all()


def test_no_feature_knows_the_future() -> None:
    whole = compute_features(WALK, known(), FRESH)
    for bars in np.random.default_rng(3).integers(WARM_UP_BARS + 1, 3_000, 50):
        cut = compute_features(truncate(WALK, int(bars)), known(), FRESH)
        assert cut[-1].tobytes() == whole[bars - 1].tobytes()


def test_a_record_counts_from_its_moment_and_as_long_as_it_is_fresh() -> None:
    value = Known(np.array([1_000, 5_000]), np.array([1.0, 2.0]))
    moments = np.array([999, 1_000, 1_400, 1_501, 5_000, 9_000])
    found = value.latest(moments, 500.0)
    np.testing.assert_array_equal(found, [np.nan, 1.0, 1.0, np.nan, 2.0, np.nan])
    mean = value.mean(moments, 4_500.0)
    np.testing.assert_array_equal(mean, [np.nan, 1.0, 1.0, 1.0, 1.5, 2.0])


def test_spread_and_slippage_are_of_the_price_and_sentiment_of_the_side() -> None:
    side, _ = signals_of(WALK)
    bar = int(np.flatnonzero(side[200:] == -1)[0]) + 200
    moment = np.array([WALK.close_ms[bar]])
    told = {
        "sentiment": Known(moment, np.array([0.4])),
        "slippage": Known(moment, np.array([0.0002])),
        "spread": Known(moment, np.array([0.05])),
        "liquidity": Known(moment, np.array([9.0])),
    }
    row = dict(zip(FEATURE_NAMES, compute_features(WALK, told, FRESH)[bar], strict=True))
    assert row["sentiment"] == pytest.approx(-0.4) and row["slippage_bps"] == pytest.approx(2.0)
    assert row["spread_bps"] == pytest.approx(0.05 / WALK.close[bar] * 1e4)
    assert row["liquidity"] == pytest.approx(np.log(10.0))


def test_prices_in_another_unit_give_the_same_features() -> None:
    prices = {name: getattr(WALK, name) * 1_000.0 for name in ("open", "high", "low", "close")}
    dearer = dataclasses.replace(WALK, **prices, volume=WALK.volume * 3.0)
    np.testing.assert_allclose(
        compute_features(dearer, {}, FRESH), compute_features(WALK, {}, FRESH), rtol=1e-6, atol=1e-7
    )


def test_sentiment_of_the_coin_and_of_the_market_counts_for_its_pairs() -> None:
    records = {
        "news_sentiment": [
            (1 * HOUR, "MARKET", {"sentiment": 0.1}),
            (2 * HOUR, "ETH", {"sentiment": 0.9}),
        ],
        "twitter_sentiment": [(1 * HOUR + 5, "BTC", {"sentiment": 0.2})],
        "microstructure": [
            (7, "BTC/USDT", {"spread": 0.5}),
            (9, "ETH/USDT", {"spread": 0.7, "liquidity": 3.0}),
        ],
    }
    found = known_of(FeedSourceAtHand(WALK, records=records), ["BTC/USDT", "ETH/USDT"])
    assert found["BTC/USDT"]["sentiment"].value.tolist() == [0.1, 0.2]
    assert found["ETH/USDT"]["sentiment"].value.tolist() == [0.1, 0.9]
    assert found["BTC/USDT"]["spread"].value.tolist() == [0.5] and "liquidity" not in found["BTC/USDT"]
    assert found["ETH/USDT"]["liquidity"].ts_ms.tolist() == [9]


def test_recorded_prices_become_a_series_of_their_usual_step() -> None:
    rows = [(t * 1_000, "BTC/USDT", {"price": 100.0 + t, "volume": 1.0}) for t in (1, 2, 3, 4, 9)]
    rows += [(4_000, "BTC/USDT", {"price": 7.0}), (5_000, "BTC/USDT", {"price": 0.0, "volume": 1.0})]
    rows += [(5_000, "ETH/USDT", {"price": 5.0, "volume": 1.0})]
    (series,) = recorded_prices(FeedSourceAtHand(records={"crypto_price": sorted(rows, key=lambda r: r[0])}))
    assert series.symbol == "BTC/USDT" and series.timeframe_ms == 1_000
    assert series.close.tolist() == [101.0, 102.0, 103.0, 104.0, 109.0]
    assert np.array_equal(series.high, series.close) and series.volume.tolist() == [1.0] * 5
