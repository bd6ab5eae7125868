"""Collecting from a history: the moments, once each, with the hashes that one at a time gives."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from cointrader.settings import Settings, TrainingSettings
from cointrader.training.collecting import history
from cointrader.training.collecting.columns import WINDOW_BARS, series_columns
from cointrader.training.collecting.completeness import CANDLE_FIELDS
from cointrader.training.collecting.history import collect_history
from cointrader.training.collecting.live import package_at
from cointrader.training.collecting.moments import Signals
from cointrader.training.collecting.near_feeds import NearFeeds
from cointrader.training.collecting.packs import PackDamaged, packages_of, read_pack, rows_of_packs
from cointrader.training.collecting.parts import CollectReport
from models.candle_series import PlainCandles, truncate
from models.cnn.pivots import extremes
from models.errors import BadCandles
from models.rl_state import rl_states
from models.setup_rows import BUY, HOLD, SELL
from storage.collection import collection_of, collections, refusals
from storage.database import transaction
from storage.feed_records import FeedRecord, append_records
from storage.setups import SetupRow, packs, setups_after
from storage.workspace import Workspace
from tests.models.walks import MINUTES_5, random_walk
from tests.storage.rows import add, add_run

SETTINGS = Settings()
WALK = random_walk(900, seed=11)
WARM = 97


def stored(connection: sqlite3.Connection, symbol: str = "BTC/USDT") -> list[SetupRow]:
    return setups_after(connection, symbol, MINUTES_5, -1, 1_000_000)


def with_values(series: PlainCandles, **values: object) -> PlainCandles:
    return replace(series, **values)  # type: ignore[arg-type]


def near_records(ts_ms: int, provenance: str = "live") -> list[FeedRecord]:
    """Three trades and a book shortly before a moment, and a trade after it."""
    trades = [
        FeedRecord(
            ts_ms + shift,
            "trade_tape",
            "BTC/USDT",
            "test",
            f"k{shift}",
            {"price": 100.0 + place, "amount": 0.5, "side": "sell" if place else "buy"},
            provenance,
        )
        for place, shift in enumerate((-3_000, -2_000, -1_000, 1_000))
    ]
    levels = {"bids": [[99.0, 1.0], [99.5, 2.0]], "asks": [["100.5", "1.0"], [101.0, 3.0]]}
    book = FeedRecord(ts_ms - 500, "book_state", "BTC/USDT", "test", "b", levels, provenance)
    return [*trades, book]


def test_setups_stand_at_extremes_and_every_so_many_bars(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    report = collect_history(workspace, connection, WALK, SETTINGS)
    rows = {row.ts_ms: row for row in stored(connection)}
    side = extremes(WALK.close, 5)
    for bar in range(WARM, 900):
        row = rows.get(int(WALK.close_ms[bar]))
        if side[bar]:
            assert row is not None and (row.origin == "extreme" or row.rapid)
            assert row.extreme == side[bar]
            assert row.side == ("short" if side[bar] > 0 else "long") or row.rapid
        elif WALK.close_ms[bar] // MINUTES_5 % 12 == 0:
            assert row is not None and (row.origin, row.side) == ("interval", "long")
        else:
            assert row is None or row.rapid
    assert report.collected == len(rows) == sum(report.origins.values())
    assert {row.state for row in rows.values()} == {"waiting"} and {row.taken for row in rows.values()} == {
        HOLD
    }


def test_a_signal_comes_before_a_rapid_change_and_that_before_an_extreme(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    close = WALK.close.copy()
    close[400:] *= 0.97  # a fall, which is an extreme low as well
    close[600:] *= 0.97
    low, high = np.minimum(close, WALK.low) * 0.99, np.maximum(close, WALK.high) * 1.01
    series = with_values(WALK, close=close, low=np.minimum(low, WALK.open), high=np.maximum(high, WALK.open))
    at = series.close_ms
    signals = Signals(
        at[[200, 300, 600]],
        np.array([7, 8, 9]),
        np.array([1, -1, 1], dtype=np.int8),
        np.array([True, True, False]),
    )
    with transaction(connection):
        run = add_run(connection)
        for signal_id in (7, 8, 9):
            add_signal(connection, run, signal_id)
    collect_history(workspace, connection, series, SETTINGS, signals)
    rows = {row.ts_ms: row for row in stored(connection)}
    bought, sold, fell, rejected = (rows[int(at[bar])] for bar in (200, 300, 400, 600))
    assert (bought.origin, bought.side, bought.taken, bought.signal_id) == ("signal", "long", BUY, 7)
    assert (sold.origin, sold.side, sold.taken, sold.signal_id) == ("signal", "short", SELL, 8)
    assert (fell.origin, fell.side, fell.rapid, fell.extreme) == ("rapid", "short", 1, -1)
    assert fell.velocity is not None and fell.velocity < -0.5
    assert (rejected.origin, rejected.side, rejected.taken, rejected.rapid) == ("signal", "long", HOLD, 1)


def add_signal(connection: sqlite3.Connection, run: int, signal_id: int, **values: object) -> None:
    row = {
        "ts_ms": 0,
        "symbol": "BTC/USDT",
        "strategy": "momentum",
        "side": "long",
        "confidence": 0.5,
        "price": 100.0,
        "status": "accepted",
        "contributions": "{}",
        "provenance": "backtest",
    }
    add(connection, "signal", id=signal_id, run_id=run, **{**row, **values})


def test_stored_signals_are_found_and_of_one_moment_the_accepted_and_most_confident_counts(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    at = int(WALK.close_ms[200])
    with transaction(connection):
        run = add_run(connection)
        add_signal(connection, run, 1, ts_ms=at, status="rejected", confidence=0.9)
        add_signal(connection, run, 2, ts_ms=at, confidence=0.4, side="short")
        add_signal(connection, run, 3, ts_ms=at, confidence=0.6)
        add_signal(connection, run, 4, ts_ms=at + 1)
        add_signal(connection, run, 5, ts_ms=at, symbol="ETH/USDT", confidence=1.0)
    collect_history(workspace, connection, WALK, SETTINGS)
    found = [row for row in stored(connection) if row.origin == "signal"]
    assert [(row.ts_ms, row.signal_id, row.taken) for row in found] == [(at, 3, BUY)]


def test_one_at_a_time_gives_the_hashes_of_the_whole_history(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    rows_at = (150, 333, 500, 777)
    with transaction(connection):
        for bar in rows_at:
            append_records(connection, near_records(int(WALK.close_ms[bar])))
    collect_history(workspace, connection, WALK, SETTINGS)
    rows = stored(connection)
    feeds = NearFeeds(connection, "BTC/USDT", MINUTES_5)
    place = {int(ts_ms): bar for bar, ts_ms in enumerate(WALK.close_ms)}
    near = [row for row in rows if row.completeness > 0.75]
    assert near, "some of the moments have trades and a book"
    for row in [*rows[::9], *near]:
        seen = truncate(WALK, place[row.ts_ms] + 1)
        package = package_at(series_columns(seen, SETTINGS.rapid), place[row.ts_ms], feeds)
        assert (package.sha256, package.data_hash) == (row.sha256, row.md5)
        assert (package.completeness_score, package.flags) == (row.completeness, row.flags)


def test_trades_and_books_near_a_moment_make_it_more_complete_and_made_up_ones_do_not(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    bars = [bar for bar in range(WARM, 900) if WALK.close_ms[bar] // MINUTES_5 % 12 == 0]
    real, made_up, late = bars[5], bars[20], bars[40]
    with transaction(connection):
        append_records(connection, near_records(int(WALK.close_ms[real])))
        append_records(connection, near_records(int(WALK.close_ms[made_up]), "synthetic"))
        append_records(connection, near_records(int(WALK.close_ms[late]) - 3 * MINUTES_5))
    collect_history(workspace, connection, WALK, SETTINGS)
    rows = {row.ts_ms: row for row in stored(connection)}
    real_row = rows[int(WALK.close_ms[real])]
    assert real_row.completeness == pytest.approx(0.9)
    assert rows[int(WALK.close_ms[made_up])].completeness == pytest.approx(0.7)
    assert rows[int(WALK.close_ms[late])].completeness == pytest.approx(0.7)
    package = packages_of(workspace, connection, [real_row])[0]
    assert package.ticks is not None and package.order_book is not None
    np.testing.assert_array_equal(
        package.ticks[:, 1:], [[100.0, 0.5, 1.0], [101.0, 0.5, -1.0], [102.0, 0.5, -1.0]]
    )
    np.testing.assert_array_equal(package.order_book[0, :3], [[99.5, 2.0], [99.0, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(package.order_book[1, :2], [[100.5, 1.0], [101.0, 3.0]])


def test_collecting_again_adds_nothing_and_going_on_adds_only_what_is_new(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    first = collect_history(workspace, connection, truncate(WALK, 600), SETTINGS)
    again = collect_history(workspace, connection, truncate(WALK, 600), SETTINGS)
    assert (again.collected, again.known) == (0, first.collected) and not again.refused
    row = collection_of(connection, "BTC/USDT", MINUTES_5)
    assert row is not None and row.last_ts_ms == WALK.close_ms[599] == first.until_ms
    rest = collect_history(workspace, connection, WALK, SETTINGS, since_ms=row.last_ts_ms)
    in_one_go = stored(connection)
    row = collection_of(connection, "BTC/USDT", MINUTES_5)
    assert row is not None and row.collected == len(in_one_go) == first.collected + rest.collected
    assert row.mean_completeness == pytest.approx(0.7)
    assert row.refused == sum(first.refused.values())
    nothing = collect_history(workspace, connection, WALK, SETTINGS, since_ms=int(WALK.close_ms[-1]))
    assert nothing == CollectReport("BTC/USDT", MINUTES_5, bars=900)


def test_parts_give_what_one_part_does(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    other = replace(WALK, symbol="ETH/USDT")
    collect_history(workspace, connection, other, SETTINGS)
    monkeypatch.setattr(history, "PART", 50)
    collect_history(workspace, connection, WALK, SETTINGS, progress=lambda *each: told.append(each))
    assert len(told) > 5 and told[-1][0] == told[-1][1]
    rows, others = stored(connection), stored(connection, "ETH/USDT")
    assert len({row.pack_id for row in rows}) > 5
    states = [states_of(workspace, connection, each) for each in (rows, others)]
    np.testing.assert_array_equal(states[0], states[1])


def states_of(workspace: Workspace, connection: sqlite3.Connection, rows: list[SetupRow]) -> np.ndarray:
    ids, places = (np.array([getattr(row, name) for row in rows]) for name in ("pack_id", "pack_row"))
    return rows_of_packs(workspace, connection, ids, places)


def test_packs_hold_the_states_and_windows_of_their_bars(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    collect_history(workspace, connection, WALK, SETTINGS)
    rows = stored(connection)[::-1]  # in any order that is asked for
    bars = np.searchsorted(WALK.close_ms, [row.ts_ms for row in rows])
    np.testing.assert_array_equal(states_of(workspace, connection, rows), rl_states(WALK)[bars])
    ids, places = (np.array([getattr(row, name) for row in rows]) for name in ("pack_id", "pack_row"))
    windows = rows_of_packs(workspace, connection, ids, places, "ohlcv")
    assert windows.shape == (len(rows), WINDOW_BARS, 6)
    np.testing.assert_array_equal(windows[:, -1, 4], WALK.close[bars])
    np.testing.assert_array_equal(windows[:, 0, 0], WALK.close_ms[bars - 47])


def test_a_setup_read_back_has_the_hash_it_was_collected_with(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    collect_history(workspace, connection, WALK, SETTINGS)
    rows = stored(connection)
    packages = packages_of(workspace, connection, rows)
    assert [each.sha256 for each in packages] == [row.sha256 for row in rows]
    with pytest.raises(PackDamaged, match=f"setup {rows[3].id} in it is not the one collected"):
        packages_of(workspace, connection, [replace(rows[3], pack_row=rows[4].pack_row)])


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_pack_is_named_and_nothing_of_it_is_parsed(
    workspace: Workspace, connection: sqlite3.Connection, harm: str
) -> None:
    collect_history(workspace, connection, WALK, SETTINGS)
    file = packs(connection)[0]
    path = workspace.root / file.path
    content = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if harm == "flip" else content[:-5])
    with pytest.raises(PackDamaged, match=path.name) as caught:
        read_pack(workspace, file)
    assert caught.value.path == file.path and str(workspace.root) not in str(caught.value)


def test_what_is_below_the_least_completeness_is_refused_and_counted_with_its_reason(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    strict = replace(SETTINGS, training=replace(TrainingSettings(), min_data_completeness=0.95))
    needed = (*CANDLE_FIELDS, "order_book")
    report = collect_history(workspace, connection, WALK, strict, needed=needed)
    assert report.collected == 0 and stored(connection) == [] and packs(connection) == []
    row = collections(connection)[0]
    why = refusals(connection, row.id)
    assert set(why) == {"incomplete", "short_history"} == set(report.refused)
    assert sum(each.n for each in why.values()) == row.refused == sum(report.refused.values())
    assert why["incomplete"].example.endswith("95% is the least; missing: order_book")
    assert row.last_ts_ms == WALK.close_ms[-1] and list((workspace.datasets / "setups").glob("*")) == []


def test_the_first_bars_are_refused_for_their_short_history(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    report = collect_history(workspace, connection, WALK, SETTINGS)
    assert set(report.refused) == {"short_history"}
    assert min(row.ts_ms for row in stored(connection)) > WALK.close_ms[WARM - 1]


def test_windows_with_a_gap_are_refused_and_those_after_it_are_not(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    close_ms = WALK.close_ms.copy()
    close_ms[500:] += MINUTES_5
    report = collect_history(workspace, connection, with_values(WALK, close_ms=close_ms), SETTINGS)
    at = np.array([row.ts_ms for row in stored(connection)])
    assert report.refused["gap"] > 5
    assert not ((at >= close_ms[500]) & (at < close_ms[500 + WINDOW_BARS - 1])).any()
    assert (at >= close_ms[500 + WINDOW_BARS - 1]).any()


def test_a_bar_of_the_future_is_refused(workspace: Workspace, connection: sqlite3.Connection) -> None:
    now_ms = int(WALK.close_ms[600])
    report = collect_history(workspace, connection, WALK, SETTINGS, now_ms=now_ms)
    assert report.refused["future"] > 50
    assert max(row.ts_ms for row in stored(connection)) <= now_ms


def test_times_that_do_not_rise_are_refused(workspace: Workspace, connection: sqlite3.Connection) -> None:
    close_ms = WALK.close_ms.copy()
    close_ms[500] = close_ms[499]
    report = collect_history(workspace, connection, with_values(WALK, close_ms=close_ms), SETTINGS)
    assert report.refused["time_order"] > 5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_a_price_that_cannot_be_stops_the_collection_and_is_remembered(
    workspace: Workspace, connection: sqlite3.Connection, bad: float
) -> None:
    high = WALK.high.copy()
    high[444] = bad
    with pytest.raises(BadCandles, match="high of bar 444"):
        collect_history(workspace, connection, with_values(WALK, high=high), SETTINGS)
    row = collections(connection)[0]
    assert "high of bar 444" in row.last_error and row.last_error_ms is not None and row.collected == 0


def test_bars_whose_high_is_below_their_close_are_refused(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    high = WALK.high.copy()
    high[444] = WALK.low[444] * 0.999
    report = collect_history(workspace, connection, with_values(WALK, high=high), SETTINGS)
    assert report.refused["bad_values"] > 5


def test_setups_of_made_up_candles_are_made_up(workspace: Workspace, connection: sqlite3.Connection) -> None:
    collect_history(workspace, connection, WALK, SETTINGS, provenance="synthetic")
    assert {row.provenance for row in stored(connection)} == {"synthetic"}


def test_an_empty_series_and_one_too_short_bring_nothing(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    assert collect_history(workspace, connection, truncate(WALK, 0), SETTINGS).collected == 0
    for bars in (1, 2, 6, 60, 97):
        assert collect_history(workspace, connection, truncate(WALK, bars), SETTINGS).collected == 0
