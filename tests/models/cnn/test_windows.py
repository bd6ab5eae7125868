"""What a window holds: three timeframes, closed bars only, in units of their own deviation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.cnn.windows import SCALES, bars_at_scale, cut_windows, last_closed, series_arrays, usable_bars
from models.errors import BadCandles
from tests.models.walks import MINUTES_5, random_walk

WALK = random_walk(1_200, seed=4)


def test_twelve_bars_together_have_their_first_open_extremes_last_close_and_volume() -> None:
    hours = bars_at_scale(WALK, 12)
    assert len(hours.close_ms) == 100
    np.testing.assert_allclose(
        hours.columns[7],
        [
            np.log(WALK.open[84]),
            np.log(WALK.high[84:96].max()),
            np.log(WALK.low[84:96].min()),
            np.log(WALK.close[95]),
            WALK.volume[84:96].sum(),
        ],
    )
    assert hours.close_ms[7] == WALK.close_ms[95]


def test_a_coarse_bar_is_seen_only_once_it_has_closed() -> None:
    hours = bars_at_scale(WALK, 12)
    seen = last_closed(hours, WALK.close_ms)
    assert seen[10] == -1 and seen[11] == 0  # the first hour closes with bar 11
    assert seen[22] == 0 and seen[23] == 1
    assert (hours.close_ms[seen[11:]] <= WALK.close_ms[11:]).all()


def test_an_hour_with_missing_bars_is_made_of_those_that_exist() -> None:
    kept = np.ones(48, dtype=bool)
    kept[13:20] = False
    names = ("close_ms", "open", "high", "low", "close", "volume")
    short = dataclasses.replace(WALK, **{name: getattr(WALK, name)[:48][kept] for name in names})
    hours = bars_at_scale(short, 12)
    assert list(hours.close_ms) == [MINUTES_5 * 12 * hour for hour in (1, 2, 3, 4)]
    assert hours.columns[1, 4] == pytest.approx(WALK.volume[12] + WALK.volume[20:24].sum())


def test_no_window_spans_a_gap_of_the_finest_bars() -> None:
    shift = np.where(np.arange(1_200) >= 900, 4 * MINUTES_5, 0)
    broken = dataclasses.replace(WALK, close_ms=WALK.close_ms + shift)
    _, positions = series_arrays(broken)
    usable = usable_bars(broken, positions, 16)
    assert usable[899]
    assert not usable[900:915].any()
    assert usable[916:].all()


def cut(series, bar: int, window: int = 16):  # type: ignore[no-untyped-def]
    arrays, positions = series_arrays(series)
    named = {f"position_x{scale}": positions[scale][[bar]] for scale in SCALES}
    return cut_windows({**arrays, **named}, np.array([0]), window)


def test_prices_are_relative_to_the_newest_close_in_units_of_the_windows_deviation() -> None:
    windows, deviation = cut(WALK, 1_000)
    returns = np.diff(np.log(WALK.close[984:1_001]))
    unit = np.sqrt(np.mean(returns**2))
    assert deviation[0] == pytest.approx(unit, rel=1e-6)
    expected = np.log(WALK.close[985:1_001] / WALK.close[1_000]) / (unit * 4.0)
    np.testing.assert_allclose(windows[0, 0, 3], expected, atol=1e-5)
    assert windows[0, 0, 3, -1] == 0.0
    np.testing.assert_allclose(windows[0, 0, 4], np.clip(returns / unit, -8, 8), atol=1e-5)


def test_a_window_does_not_depend_on_the_unit_of_price_and_volume() -> None:
    prices = {name: getattr(WALK, name) * 500.0 for name in ("open", "high", "low", "close")}
    dearer = dataclasses.replace(WALK, **prices, volume=WALK.volume * 3.0)
    np.testing.assert_allclose(cut(dearer, 1_100)[0], cut(WALK, 1_100)[0], atol=1e-4)


def test_a_row_has_the_same_bits_alone_and_among_others() -> None:
    arrays, positions = series_arrays(WALK)
    rows = np.arange(600, 900)
    named = {f"position_x{scale}": positions[scale][rows] for scale in SCALES}
    together, _ = cut_windows({**arrays, **named}, np.arange(300), 16)
    assert together[:, 200].tobytes() == cut(WALK, 800)[0][:, 0].tobytes()


def test_a_volume_that_is_no_number_is_refused() -> None:
    volume = WALK.volume.copy()
    volume[7] = np.nan
    with pytest.raises(BadCandles, match="volume of bar 7"):
        series_arrays(dataclasses.replace(WALK, volume=volume))
