"""What the network sees of a book is known at its moment, in the units that are said, and never invented."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.cob_rl.rewards import action_rewards
from models.cob_rl.snapshots import (
    book_features,
    feature_names,
    fit_scale,
    usable_snapshots,
    usual_step_ms,
    window_positions,
)
from models.setup_rows import BUY, HOLD, SELL, BookRows
from tests.models.cob_rl.walking_books import MINUTE, walking_book


def two_snapshots() -> BookRows:
    """A bid of 3,000 and an ask of 1,000 at 1 and 2 bps, then the same a tenth higher."""
    sides = np.array([[[1.0, 3_000.0], [2.0, 500.0]], [[2.0, 1_000.0], [4.0, 500.0]]], dtype=np.float32)
    return BookRows(
        symbol="BTC/USD",
        ts_ms=np.array([MINUTE, 2 * MINUTE]),
        middle=np.array([100.0, 110.0]),
        bids=np.stack([sides[0]] * 2),
        asks=np.stack([sides[1]] * 2),
        flow=np.array([[300.0, 100.0], [np.nan, np.nan]], dtype=np.float32),
    )


def test_a_snapshot_is_told_in_bps_and_logs_of_money() -> None:
    features = book_features(two_snapshots(), levels=2)
    told = dict(zip(feature_names(2), features[0], strict=True))
    assert (told["bid_bps_0"], told["ask_bps_1"], told["spread_bps"]) == (1.0, 4.0, 3.0)
    assert told["bid_size_log_0"] == pytest.approx(np.log1p(3_000.0))
    # (ask distance x bid size - bid distance x ask size) / both = (2 x 3000 - 1 x 1000) / 4000.
    assert told["micro_price_bps"] == pytest.approx(1.25)
    assert told["imbalance_1"] == pytest.approx(0.5)
    assert told["imbalance_all"] == pytest.approx(2_000.0 / 5_000.0)
    assert told["flow_imbalance"] == pytest.approx(0.5)
    assert told["bought_log"] == pytest.approx(np.log1p(300.0))


def test_what_a_book_does_not_tell_is_not_known_and_counts_as_the_mean() -> None:
    names = feature_names(3)
    features = book_features(two_snapshots(), levels=3)
    unknown = {name for name, value in zip(names, features[1], strict=True) if np.isnan(value)}
    ladders = {"bid_bps_2", "bid_size_log_2", "ask_bps_2", "ask_size_log_2"}
    assert unknown == ladders | {"bought_log", "sold_log", "flow_imbalance"}
    assert np.isnan(features[0, names.index("move_bps")])
    assert features[1, names.index("move_bps")] == pytest.approx(1e4 * np.log(1.1))
    scaled = fit_scale(features).apply(features)
    assert np.isfinite(scaled).all()
    assert scaled[1, names.index("bought_log")] == 0.0


def test_features_of_a_snapshot_do_not_change_when_history_ends_there() -> None:
    whole = walking_book(80, seed=3)
    features = book_features(whole, levels=7)
    for cut in (1, 2, 17, 60):
        part = dataclasses.replace(
            whole,
            **{name: getattr(whole, name)[:cut] for name in ("ts_ms", "middle", "bids", "asks", "flow")},
        )
        assert book_features(part, levels=7).tobytes() == features[:cut].tobytes()


def test_no_window_crosses_a_gap() -> None:
    ts_ms = np.array([1, 2, 3, 4, 7, 8, 9, 10], dtype=np.int64) * MINUTE
    usable = usable_snapshots(ts_ms, window=3, step_ms=usual_step_ms(ts_ms))
    assert usable.tolist() == [False, False, True, True, False, False, True, True]
    assert window_positions(np.array([6]), 3).tolist() == [[4, 5, 6]]


def test_an_action_is_rewarded_by_the_price_after_the_horizon_net_of_costs() -> None:
    ts_ms = np.array([0, 1, 2, 3, 4, 9], dtype=np.int64) * MINUTE
    middle = np.array([100.0, 100.0, 101.0, 99.0, 100.0, 100.0])
    side = np.ones((6, 1, 2), dtype=np.float32)
    book = BookRows("BTC/USD", ts_ms, middle, side, side, side[:, 0])
    asked: list[float] = []

    def rewarding(net: np.ndarray, minutes: float) -> np.ndarray:
        asked.append(minutes)
        return 10.0 * net

    found = action_rewards(book, 2 * MINUTE, MINUTE, 0.002, rewarding)
    # The snapshots at 3 and 4 minutes see the next price 4 and 3 minutes too late: their outcome is unknown.
    assert found.index.tolist() == [0, 1, 2]
    assert found.known_at.tolist() == [2, 3, 4]
    assert found.reward[0].tolist() == pytest.approx([10 * (0.01 - 0.002), 10 * (-0.01 - 0.002), 0.0])
    assert found.reward[:, BUY].argmax() == 0 and found.reward[:, SELL].argmax() == 1
    assert (found.reward[:, HOLD] == 0.0).all()
    assert asked == [2.0, 2.0]
