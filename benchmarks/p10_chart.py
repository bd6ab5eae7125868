"""P10, charts: one redraw of 10,000 new points, and the share of a core that six charts take at 4 Hz.

Both are taken inside a running application, with Textual's compositor, on curves that are new each time:
nothing that was computed for the last picture can be used for the next. The limits are times, not another
program: a redraw in 6 ms, and a tenth of a core for six charts. Processor time is counted, because a redraw
is nothing but computing, and neighbours on the machine shall not be measured.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import time
from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from benchmarks.harness import Row
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.group import ChartGroup
from tui.widgets.chart.overlays import Level
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import BRAILLE

REDRAW_S = 0.006
SIX_CHARTS_SHARE = 0.10
POINTS = 10_000
LIVE_POINTS = 1_500
HERTZ = 4


class Charts(App[None]):
    """Some charts in two columns, as the screen of live curves shows them."""

    CSS = "ChartGroup { layout: grid; grid-size: 2; }"

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        """The charts."""
        with ChartGroup():
            for _ in range(self._count):
                yield Chart("loss", x_unit="step", symbols=BRAILLE)


def curves(points: int, seed: int) -> list[Series]:
    """A noisy training loss and a validation loss."""
    generator = random.Random(seed)
    train = [1.1 * math.exp(-5 * x / points) + 0.3 + generator.gauss(0, 0.03) for x in range(points)]
    every = max(1, points // 40)
    validation = [value * 1.1 for value in train[::every]]
    return [
        Series("train", range(points), train),
        Series("validation", range(0, points, every), validation, colour=1, pattern=1),
    ]


def redraw(chart: Chart, series: Sequence[Series]) -> None:
    """New curves, and every line of the picture of them."""
    chart.show_curves(series, levels=[Level(0.69, "baseline")])
    for y in range(chart.size.height):
        chart.render_line(y)


async def redraw_seconds(rounds: int) -> float:
    """Median seconds of one redraw of a chart of the whole screen, 120x40."""
    app = Charts(1)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        chart = app.query_one(Chart)
        taken = []
        for number in range(rounds):
            series = curves(POINTS, number)
            start = time.thread_time()
            redraw(chart, series)
            taken.append(time.thread_time() - start)
            await pilot.pause()
    return statistics.median(taken)


async def six_charts_share(rounds: int) -> float:
    """Processor seconds a second that six charts take when all get new curves four times a second."""
    app = Charts(6)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        charts = list(app.query(Chart))
        prepared = [[curves(LIVE_POINTS, 6 * number + one) for one in range(6)] for number in range(rounds)]
        taken = [await _round(pilot, charts, series) for series in prepared]
    return statistics.median(taken) * HERTZ


async def _round(pilot: Pilot[None], charts: Sequence[Chart], series: Sequence[Sequence[Series]]) -> float:
    start = time.process_time()
    for chart, curves_of_it in zip(charts, series, strict=True):
        chart.show_curves(curves_of_it)
    await pilot.pause()
    return time.process_time() - start


def rows(rounds: int = 25) -> list[Row]:
    """Both measurements against their limits."""
    one = asyncio.run(redraw_seconds(rounds))
    share = asyncio.run(six_charts_share(rounds))
    return [
        Row("P10", "redraw of a chart, 10,000 new points", one, None, "", None, one / REDRAW_S, 1.0),
        Row(
            "P10",
            "six charts at 4 Hz, seconds of a core",
            share,
            None,
            "",
            None,
            share / SIX_CHARTS_SHARE,
            1.0,
        ),
    ]
