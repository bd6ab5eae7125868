"""Charts as a person sees them: golden pictures."""

from __future__ import annotations

import math

from tui.widgets.chart import picture as roles
from tui.widgets.chart.overlays import Level, Mark
from tui.widgets.chart.plot import Drawing, Plot, draw
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import ASCII, BLOCK, BRAILLE, SymbolSet


def sine(symbols: SymbolSet, **more: object) -> Drawing:
    ys = [math.sin(x / 8) for x in range(51)]
    return draw(Plot("wave", [Series("sine", range(51), ys)], symbols=symbols, footnote=False, **more), 40, 9)


def test_a_wave_in_braille():
    assert sine(BRAILLE).picture.lines == GOLDEN_BRAILLE


def test_a_wave_in_blocks():
    assert sine(BLOCK).picture.lines == GOLDEN_BLOCK


def test_a_wave_in_ascii_needs_nothing_but_ascii():
    lines = sine(ASCII).picture.lines
    assert lines == GOLDEN_ASCII
    assert all(line.isascii() for line in lines)


def flat(values: list[float], **more: object) -> Drawing:
    series = [Series("x", range(len(values)), values)]
    return draw(Plot("t", series, symbols=ASCII, footnote=False, **more), 30, 8)


def plot_rows(drawing: Drawing) -> list[str]:
    frame = drawing.frame
    assert frame is not None
    return [line[frame.left :].ljust(frame.width) for line in drawing.picture.lines[1 : 1 + frame.height]]


def test_a_spike_among_a_hundred_thousand_points_reaches_the_top_row():
    values = [0.0] * 100_000
    values[70_000] = 1.0
    rows = plot_rows(flat(values))
    assert rows[0].strip() and len(rows[0].strip()) == 1
    assert abs(rows[0].index(rows[0].strip()) / len(rows[0]) - 0.7) < 0.05


def test_a_gap_is_empty_in_every_row():
    values = [1.0] * 20 + [math.nan] * 20 + [2.0] * 20
    rows = plot_rows(flat(values))
    middle = slice(len(rows[0]) // 2 - 2, len(rows[0]) // 2 + 2)
    assert all(not row[middle].strip() for row in rows)
    assert any(row.strip() for row in rows)


def test_a_log_axis_hides_what_is_not_positive_and_says_so():
    drawing = flat([-1.0, 0.0, 1.0, 10.0, 100.0], log=True)
    assert "2 not above 0 hidden" in drawing.text
    assert any("100" in line for line in drawing.picture.lines)
    nothing = flat([-1.0, -2.0], log=True)
    assert any("nothing above 0" in line for line in nothing.picture.lines)


def test_a_baseline_is_dashed_and_named():
    drawing = flat([1.0, 1.0, 1.0, 0.2], levels=[Level(0.6, "baseline")])
    assert any("--- baseline 0.6" in line for line in drawing.picture.lines)


def test_a_level_far_from_the_data_does_not_flatten_the_curve():
    drawing = flat([1.0, 2.0], levels=[Level(1000.0, "target")])
    assert any("target 1,000 above" in line for line in drawing.picture.lines)
    assert drawing.frame is not None and drawing.frame.y.high < 3


def test_a_badge_stands_over_everything():
    series = Series("x", [1, 2, 3], [1.0, 2.0, math.nan], badge="diverged: inf at step 3")
    drawing = draw(Plot("loss", [series], symbols=BRAILLE), 60, 10)
    assert "diverged: inf at step 3" in drawing.picture.lines[1]
    assert "diverged: inf at step 3" in drawing.text
    found = {role for _, role in drawing.picture.row(1)}
    assert roles.BADGE in found


def test_a_curve_without_any_finite_value_still_shows_its_badge():
    series = Series("x", [1, 2], [math.nan, math.nan], badge="diverged: nan at step 1")
    lines = draw(Plot("loss", [series]), 60, 10).picture.lines
    assert any("diverged: nan at step 1" in line for line in lines)
    assert any("no finite values here" in line for line in lines)


def test_without_data_the_chart_says_so():
    lines = draw(Plot("loss", empty="no training yet"), 40, 10).picture.lines
    assert "no training yet" in lines[5]


def test_the_crosshair_moves_the_values_of_the_legend():
    series = [Series("x", range(101), [float(x) for x in range(101)])]
    plain = draw(Plot("t", series), 60, 10).picture.lines
    crossed = draw(Plot("t", series, crosshair=40.0), 60, 10).picture.lines
    assert "100.0" in plain[0] and "40.00" in crossed[0]
    assert any(" 40 " in line for line in crossed)


def test_runs_are_told_apart_by_letter_and_line_and_not_by_colour_alone():
    a = Series("a", range(10), [1.0] * 10, letter="A", colour=0)
    b = Series("b", range(10), [2.0] * 10, letter="B", colour=0, pattern=1)
    lines = draw(Plot("t", [a, b]), 60, 10).picture.lines
    assert "━━A a" in lines[0] and "╍╍B b" in lines[0]
    assert any(line.endswith("A") for line in lines[1:]) and any(line.endswith("B") for line in lines[1:])


def test_a_legend_that_does_not_fit_counts_what_is_left_out():
    series = [Series(f"a long name {n}", range(3), [1.0, 2.0, 3.0]) for n in range(6)]
    first = draw(Plot("loss", series), 50, 10).picture.lines[0]
    assert len(first) <= 50 and "+" in first


def test_marks_stand_beside_their_points():
    marks = [
        Mark(2.0, 5.0, "^", "entry", roles.UP, above=False),
        Mark(8.0, 5.0, "v", "exit", roles.DOWN, above=True),
    ]
    lines = flat([5.0] * 11, marks=marks).picture.lines
    curve = next(number for number, line in enumerate(lines) if "'''" in line or "..." in line)
    assert "^ entry" in lines[curve + 1] and "v" in lines[curve - 1]


def test_text_of_a_run_cannot_break_the_columns():
    series = Series("x", range(3), [1.0, 2.0, 3.0], label="\u4f60\u597d\u200b name")
    lines = draw(Plot("t", [series]), 60, 10).picture.lines
    assert "━━ ??? name" in lines[0]


def test_the_line_of_figures_says_last_min_max_and_mean():
    text = flat([1.0, 3.0, 2.0]).text
    assert text == "x last 2.000 min 1.000 max 3.000 mean 2.000 (n 3)"


def test_a_window_speaks_only_of_what_it_shows():
    drawing = flat([1.0, 3.0, 2.0, 9.0], window=(0.0, 2.0))
    assert "max 3.000" in drawing.text and "n 3" in drawing.text


def test_nothing_is_too_small_to_draw():
    series = [Series("x", range(3), [1.0, 2.0, 3.0])]
    for width in range(0, 14):
        for height in range(0, 8):
            lines = draw(Plot("title", series, levels=[Level(2.0, "l")]), width, height).picture.lines
            assert len(lines) == height and all(len(line) <= width for line in lines)


GOLDEN_BRAILLE = [
    "─ wave ───────────────── ━━ sine -0.0332",
    "  1┤     ⣀⡤⠒⠒⠒⠒⠦⢤⡀",
    "   │  ⢠⠔⠋        ⠈⠲⢄",
    "  0┤⡠⠖⠁            ⠈⠙⢤⡀",
    "   │                  ⠘⢤⡀             ⡴⠊",
    "   │                    ⠈⠦⡀        ⣠⠔⠋",
    " -1┤                      ⠈⠉⠲⠤⠤⠤⠤⠒⠊",
    "   └┬─────────────┬─────────────┬───────",
    "    0            20            40",
]
GOLDEN_BLOCK = [
    "─ wave ───────────────── ▬▬ sine -0.0332",
    "  1┤     ▗▄▟▀▀▚▄▄",
    "   │  ▗▄▛▘      ▝▀▜▖",
    "  0┤▄▛▀            ▝▀▄▖",
    "   │                  ▝▄▖             ▟▀",
    "   │                    ▝▀▄▖       ▄▞▀",
    " -1┤                       ▀▀▀▙▄▛▀▀",
    "   └┬─────────────┬─────────────┬───────",
    "    0            20            40",
]
GOLDEN_ASCII = [
    "- wave ----------------- -- sine -0.0332",
    "  1+      ..'''..",
    "   |   .:'       ''.",
    "  0+.:'            ''..",
    "   |                  '..             :'",
    "   |                    ''.        .''",
    " -1+                       '''..'''",
    "   ++-------------+-------------+-------",
    "    0            20            40",
]
