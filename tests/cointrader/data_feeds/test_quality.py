"""Gaps, timeframes and grids of ordered times."""

from pathlib import Path

import numpy as np

from cointrader.data_feeds.candle_import import read_candle_file
from cointrader.data_feeds.quality import SeriesFigures, find_gaps, infer_timeframe, rows_off_the_grid
from tests.cointrader.data_feeds.candle_texts import FIXTURES

MINUTE_MS = 60_000


def minutes(*numbers: int) -> np.typing.NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64) * MINUTE_MS


def test_a_gap_is_one_place_however_many_bars_are_missing_in_it() -> None:
    gaps = find_gaps(minutes(0, 1, 4, 5, 7, 8), MINUTE_MS)
    assert (gaps.count, gaps.missing_bars, gaps.longest_bars) == (2, 3, 2)
    assert gaps.longest_after_ms == MINUTE_MS


def test_an_unbroken_series_has_no_gap() -> None:
    assert find_gaps(minutes(0, 1, 2), MINUTE_MS).longest_after_ms is None


def test_the_missing_bars_of_a_series_are_the_same_in_whatever_pieces_it_comes() -> None:
    times = minutes(1, 2, 5, 6, 8, 20)
    for cut in range(len(times) + 1):
        figures = SeriesFigures(MINUTE_MS)
        for piece in (times[:cut], times[cut:]):
            figures.add(piece, np.ones(len(piece)))
        assert [(a // MINUTE_MS, b // MINUTE_MS) for a, b in figures.missing] == [(3, 4), (7, 7), (9, 19)]
        assert (figures.gaps.count, figures.gaps.missing_bars) == (3, 14)


def test_the_timeframe_is_the_step_that_explains_most_of_the_bars() -> None:
    assert infer_timeframe(np.diff(minutes(0, 5, 10, 40, 45, 50))) == 5 * MINUTE_MS
    assert infer_timeframe(np.diff(minutes(0, 1, 3, 6))) is None
    assert infer_timeframe(np.diff(minutes(7))) is None


def test_a_timeframe_is_found_though_the_first_thousand_bars_are_sparse() -> None:
    sparse = np.cumsum(np.tile([1, 2, 3], 400))
    dense = sparse[-1] + np.arange(1, 5_000)
    assert infer_timeframe(np.diff(np.concatenate((sparse, dense)) * MINUTE_MS)) == MINUTE_MS


def test_bars_off_the_grid_are_found_even_when_the_first_one_is() -> None:
    times = minutes(0, 1, 2, 3, 4, 5)
    times[0] += 7
    times[4] += 9
    assert rows_off_the_grid(times, np.diff(times), MINUTE_MS).tolist() == [0, 4]


def test_an_outage_of_the_exchange_is_reported() -> None:
    report = read_candle_file(FIXTURES / "binance_BTC_USDT_1h_outage.csv").report
    assert (report.bars, report.gaps, report.missing_bars, report.longest_gap_bars) == (96, 1, 33, 33)
    assert report.longest_gap_after_ms == 1_518_051_600_000  # the bar that closed 2018-02-08 01:00


def test_a_file_name_that_says_another_timeframe_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT_1h.csv"
    path.write_bytes((FIXTURES / "ETHUSDT_header.csv").read_bytes())
    report = read_candle_file(path).report
    assert report.timeframe_ms == 300_000
    assert report.notes == ("the file name says 1h, but the bars are 5m apart",)
