"""Charts under the hand: keys, mouse, sharing, and data that arrive meanwhile."""

from __future__ import annotations

import math

import pytest
from textual.app import App, ComposeResult

from tui.themes import THEMES
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.group import ChartGroup
from tui.widgets.chart.price import Level, Mark, PriceChart
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import ASCII, BRAILLE


def falling(steps: int) -> list[Series]:
    return [Series("loss", range(steps), [math.exp(-x / 100) + 0.1 for x in range(steps)])]


class Charts(App[None]):
    CSS = "Chart { height: 12; }"

    def compose(self) -> ComposeResult:
        with ChartGroup():
            yield Chart("loss", id="loss", symbols=BRAILLE)
            yield Chart("norm", id="norm", symbols=BRAILLE)
            yield PriceChart(id="price")

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.loss.show_curves(falling(1000))
        self.query_one("#norm", Chart).show_curves(falling(1000))
        self.loss.focus()

    @property
    def loss(self) -> Chart:
        return self.query_one("#loss", Chart)


async def test_a_zoom_stays_while_data_arrive():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("plus", "plus")
        window = app.loss.window
        assert window is not None and window[1] - window[0] == pytest.approx(999 / 4)
        app.loss.show_curves(falling(1500))
        await pilot.pause()
        assert app.loss.window == window
        assert "n 250" in app.loss.text_line
        await pilot.press("equals_sign")
        assert app.loss.window is None and "n 1,500" in app.loss.text_line


async def test_one_crosshair_and_one_zoom_for_all_charts_over_steps():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("end", "left", "left")
        norm, price = app.query_one("#norm", Chart), app.query_one("#price", Chart)
        assert norm.crosshair == app.loss.crosshair != None  # noqa: E711
        assert price.crosshair is None
        await pilot.press("plus")
        assert norm.window == app.loss.window != None  # noqa: E711
        await pilot.press("escape")
        assert norm.crosshair is None and app.loss.crosshair is None


async def test_the_crosshair_follows_the_mouse_and_shows_the_value_there():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.hover("#loss", offset=(40, 5))
        await pilot.pause()
        at = app.loss.crosshair
        assert at is not None and 400 < at < 600
        value = falling(1000)[0].at(at)
        assert value is not None and f"{value:.4f}" in app.loss.lines[0]


async def test_the_crosshair_stops_at_the_edge_and_a_zoomed_window_moves_on():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("plus", "end")
        before = app.loss.window
        assert before is not None
        await pilot.press("right")
        assert app.loss.window is not None and app.loss.window[0] > before[0]
        await pilot.press("equals_sign", "end", "right")
        assert app.loss.crosshair == pytest.approx(999, abs=1)


async def test_the_log_axis_and_the_smoothing_are_keys():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        linear = app.loss.lines
        await pilot.press("L")
        assert app.loss.log_axis and app.loss.lines != linear
        await pilot.press("S")
        assert app.loss.smoothing == 0.9
        await pilot.press("S", "S", "S")
        assert app.loss.smoothing == 0.0


async def test_the_same_curves_again_are_not_drawn_again():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        curves = falling(1000)
        app.loss.show_curves(curves)
        await pilot.pause()
        drawing = app.loss._draw()
        app.loss.show_curves(list(curves))
        assert app.loss._draw() is drawing


async def test_what_is_painted_is_the_picture_in_the_colours_of_the_theme():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.pause()
        painted = ["".join(segment.text for segment in app.loss.render_line(y)).rstrip() for y in range(12)]
        assert painted == app.loss.lines
        dark = app.loss.render_line(5)
        app.theme = "cointrader-light"
        await pilot.pause()
        assert app.loss.render_line(5) != dark


async def test_a_price_chart_marks_entry_exit_stop_and_target():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        price = app.query_one("#price", PriceChart)
        closes = [100.0 + math.sin(x / 5) for x in range(60)]
        marks = [Mark(20, "entry", "▲"), Mark(40, "exit stop", "▼"), Mark(99, "nowhere", "▲")]
        price.show(closes, 1_725_500_000_000, 300_000, marks, [Level(99.5, "stop"), Level(101.5, "target")])
        await pilot.pause()
        picture = "\n".join(price.lines)
        for words in ("▲", "▼", "entry", "exit stop", "stop 99.5", "target 101.5", "05 Sep"):
            assert words in picture, words
        assert "nowhere" not in picture


async def test_a_price_chart_in_ascii_and_without_prices():
    class Plain(App[None]):
        def compose(self) -> ComposeResult:
            yield PriceChart()

    app = Plain()
    async with app.run_test(size=(60, 12)) as pilot:
        price = app.query_one(PriceChart)
        price._symbols = ASCII
        price.show([1.0, 2.0, 1.5], 0, 60_000, [Mark(1, "exit", "▼")], [])
        await pilot.pause()
        assert "v" in "".join(price.lines[1:]) and all(line.isascii() for line in price.lines)
        price.show([], 0, 60_000)
        await pilot.pause()
        assert any("no prices kept" in line for line in price.lines)


async def test_charts_of_the_same_steps_share_an_axis_whatever_each_has_logged():
    app = Charts()
    async with app.run_test(size=(80, 40)) as pilot:
        norm = app.query_one("#norm", Chart)
        app.loss.show_curves(falling(1000), span=(0, 999))
        norm.show_curves([Series("norm", [400, 500], [1.0, 2.0])], span=(0, 999))
        await pilot.press("end")
        assert norm.crosshair == app.loss.crosshair == 999
        frames = [chart._draw().frame for chart in (app.loss, norm)]
        assert [(frame.x_low, frame.x_high) for frame in frames if frame] == [(0, 999)] * 2
        await pilot.press("plus", "minus")
        assert norm.window is None
