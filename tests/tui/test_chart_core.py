"""The pure core of charts: dots, envelopes, scales, smoothing."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.chart.canvas import DASHED, DotCanvas
from tui.widgets.chart.envelope import envelope
from tui.widgets.chart.scale import Scale, fit, linear_ticks, step_ticks, time_ticks, value_label
from tui.widgets.chart.series import RUN_COLOURS, Series, stable_colour
from tui.widgets.chart.symbols import ASCII, BLOCK, BRAILLE

finite = st.floats(-1e9, 1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("symbols", "top", "bottom", "rows"),
    [
        (BRAILLE, 3, 7, ["⡀", "⡇"]),
        (BRAILLE, 1, 2, ["⠆", " "]),
        (BLOCK, 1, 3, ["▖", "▌"]),
        (ASCII, 1, 2, [".", "'"]),
    ],
)
def test_a_run_of_dots_fills_its_cells_and_no_others(symbols, top, bottom, rows):
    canvas = DotCanvas(1, 2, symbols)
    canvas.run(0, top, bottom, 40)
    assert [canvas.row(0)[0], canvas.row(1)[0]] == rows


def test_what_lies_outside_the_canvas_is_cut_off():
    canvas = DotCanvas(2, 1, BRAILLE)
    canvas.run(-1, 0, 3, 40)
    canvas.run(99, 0, 3, 40)
    canvas.run(0, -50, -1, 40)
    canvas.run(0, 4, 50, 40)
    assert canvas.row(0)[0] == "  "
    canvas.run(1, -50, 50, 40)
    assert canvas.row(0)[0] == "⢸ "


def test_a_line_touches_every_column_between_its_ends():
    canvas = DotCanvas(5, 3, BRAILLE)
    canvas.line(0, 11, 9, 0, 40)
    assert [canvas.row(y)[0] for y in range(3)] == ["   ⣠⠞", " ⢀⡜⠁ ", "⡴⠋   "]


def test_a_dashed_line_has_gaps_and_a_steep_dash_has_none():
    flat, steep = DotCanvas(9, 1, BRAILLE), DotCanvas(9, 4, BRAILLE)
    flat.line(0, 0, 17, 0, 40, DASHED)
    steep.line(4, 0, 5, 15, 40, DASHED)
    assert " " in flat.row(0)[0].strip()
    assert all(steep.row(y)[0].strip() for y in range(4))


def test_one_outlier_among_a_hundred_thousand_points_is_seen():
    generator = random.Random(3)
    values = [generator.gauss(0, 1) for _ in range(100_000)]
    values[54_321] = 1e6
    columns = envelope(Series("loss", range(100_000), values), 0, 99_999, 200)
    spiky = [column.x for column in columns if column.high == 1e6]
    assert spiky == [round(54_321 / 99_999 * 199)]


@given(st.lists(finite, min_size=1, max_size=300), st.integers(2, 60))
def test_the_envelope_keeps_the_least_and_the_greatest_value(values, width):
    columns = envelope(Series("x", range(len(values)), values), 0, max(1, len(values) - 1), width)
    assert min(column.low for column in columns) == min(values)
    assert max(column.high for column in columns) == max(values)
    assert [column.x for column in columns] == sorted({column.x for column in columns})


def test_nothing_leads_over_a_gap():
    values = [1.0, 1.0, math.nan, math.nan, 2.0, 2.0]
    columns = envelope(Series("x", range(6), values), 0, 5, 6)
    assert [(column.x, column.joined) for column in columns] == [(0, False), (1, True), (4, False), (5, True)]


def test_a_window_is_entered_by_the_line_from_the_point_before_it():
    columns = envelope(Series("x", [0, 100], [0.0, 10.0]), 40, 60, 21)
    assert len(columns) == 2
    assert columns[0].x < 0 and columns[1].x > 20 and columns[1].joined


def test_on_a_log_axis_values_that_are_not_positive_are_gaps():
    series = Series("x", range(4), [1.0, 0.0, -2.0, 10.0])
    assert series.gaps(True) == [1, 2]
    assert series.gaps(False) == []
    assert series.range_of(0, 4, log=True) == (1.0, 10.0)


@given(finite, finite, st.integers(1, 12))
def test_ticks_are_round_and_inside(low, high, count):
    low, high = min(low, high), max(low, high)
    if high - low <= abs(high) * 1e-6:
        return
    ticks = linear_ticks(low, high, count)
    assert len(ticks) <= count + 1
    room = (high - low) * 1e-6
    assert all(low - room <= tick.value <= high + room for tick in ticks)
    labels = [tick.label for tick in ticks]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("low", "high", "count", "labels"),
    [
        (0, 1, 4, ["0", "0.5", "1.0"]),
        (0.31, 1.12, 5, ["0.4", "0.6", "0.8", "1.0"]),
        (55_900, 57_100, 4, ["56,000", "56,500", "57,000"]),
        (-0.002, 0.003, 5, ["-0.002", "-0.001", "0", "0.001", "0.002", "0.003"]),
    ],
)
def test_tick_labels_are_what_a_person_would_write(low, high, count, labels):
    assert [tick.label for tick in linear_ticks(low, high, count)] == labels


def test_log_ticks_are_decades_and_short_spans_get_linear_ones():
    assert [tick.label for tick in Scale(0.001, 1000, True).ticks(7)] == [
        *("0.001", "0.01", "0.1", "1", "10", "100", "1,000")
    ]
    assert [tick.label for tick in Scale(1.1, 3.9, True).ticks(6)] == ["1.5", "2.0", "2.5", "3.0", "3.5"]


@given(st.floats(0.01, 1e6), st.floats(1.5, 1e6), st.floats(0, 1), st.booleans())
def test_a_scale_is_undone_by_its_inverse(low, factor, place, log):
    scale = Scale(low, low * factor, log)
    assert scale.place(scale.value(place)) == pytest.approx(place, abs=1e-6)


def test_equal_values_get_a_scale_with_room():
    assert fit(5.0, 5.0).low < 5.0 < fit(5.0, 5.0).high
    assert fit(0.0, 0.0).low < 0.0
    assert fit(2.0, 2.0, log=True).low == 1.0


def test_steps_are_never_cut_into_fractions():
    assert [tick.label for tick in step_ticks(0, 3, 10)] == ["0", "1", "2", "3"]
    assert [tick.label for tick in step_ticks(0, 2000, 4)] == ["0", "500", "1k", "1.5k", "2k"]


def test_time_ticks_are_round_clock_times_and_name_the_day_once():
    day = 1_725_494_400_000  # 2024-09-05 00:00 UTC
    labels = [tick.label for tick in time_ticks(day - 3_600_000, day + 10 * 3_600_000, 6)]
    assert labels == ["05 Sep", "02:00", "04:00", "06:00", "08:00", "10:00"]
    assert next(tick.label for tick in time_ticks(day + 3_700_000, day + 4 * 3_600_000, 4)).startswith(
        "05 Sep"
    )
    year = [tick.label for tick in time_ticks(1_704_067_200_000, 1_735_603_200_000, 4)]
    assert year == ["Jan 2024", "Apr", "Jul", "Oct"]


def test_smoothing_keeps_a_constant_and_averages_noise():
    constant = Series("x", range(500), [3.0] * 500).smoothed(0.9)
    assert constant == pytest.approx([3.0] * 500)
    generator = random.Random(1)
    noisy = Series("x", range(2_000), [generator.gauss(0, 1) for _ in range(2_000)]).smoothed(0.97)
    assert max(map(abs, noisy[200:])) < 0.8


def test_smoothing_leaves_a_sparse_curve_almost_as_it_is():
    falling = [10.0 - number for number in range(10)]
    assert Series("x", range(0, 1000, 100), falling).smoothed(0.9) == pytest.approx(falling, abs=0.01)


def test_smoothing_does_not_carry_a_gap_on():
    smooth = Series("x", range(4), [1.0, math.nan, math.inf, 1.0]).smoothed(0.9)
    assert smooth[0] == 1.0 and math.isnan(smooth[1]) and math.isnan(smooth[2])
    assert smooth[3] == pytest.approx(1.0)


def test_statistics_leave_out_what_is_not_finite():
    numbers = Series("x", range(4), [1.0, math.inf, 3.0, math.nan]).statistics
    assert (numbers.last, numbers.low, numbers.high, numbers.mean, numbers.count) == (3.0, 1.0, 3.0, 2.0, 2)


def test_runs_that_follow_each_other_differ_in_colour_and_keep_it():
    colours = [stable_colour(number) for number in range(1, 6)]
    assert sorted(colours) == sorted(RUN_COLOURS)
    assert stable_colour(415) == stable_colour(415)
    assert stable_colour("cnn") == stable_colour("cnn")


def test_a_curve_with_more_places_than_values_is_refused():
    with pytest.raises(ValueError, match="3 places for 2 values"):
        Series("x", [1, 2, 3], [1.0, 2.0])


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.69312, "0.6931"),
        (12.3456, "12.35"),
        (56_412.04, "56,412.0"),
        (0.00001234, "1.23e-5"),
        (-3.2, "-3.200"),
    ],
)
def test_values_are_written_to_four_digits(value, label):
    assert value_label(value) == label
