"""A chart in words: for tests, for logs, and for those who hear the screen."""

from __future__ import annotations

from collections.abc import Sequence

from tui.widgets.chart.scale import value_label
from tui.widgets.chart.series import Series

SEPARATOR = "  ·  "


def describe(series: Sequence[Series], window: tuple[float, float] | None, log: bool = False) -> str:
    """Last, least, greatest and mean of each curve within the window, and what is missing from it."""
    return SEPARATOR.join(_one(curve, window, log) for curve in series) if series else ""


def fitting(
    series: Sequence[Series], window: tuple[float, float] | None, width: int, log: bool = False
) -> str:
    """As much of that as fits a line, without cutting a figure in two."""
    for count in range(len(series), 0, -1):
        words = describe(series[:count], window, log)
        if len(words) <= width:
            return words
    words = describe(series[:1], window, log)
    label = series[0].text if series else ""
    words = words.removeprefix(f"{label} ")
    while len(words) > width and " " in words:
        words = words.rpartition(" mean ")[0] or words.rpartition(" max ")[0] or words.rpartition(" ")[0]
    return words


def _one(curve: Series, window: tuple[float, float] | None, log: bool) -> str:
    start, stop = curve.visible(*window) if window else (0, len(curve.ys))
    numbers = curve.statistics if window is None else curve.statistics_of(start, stop)
    if not numbers.count:
        return f"{curve.text} no values" + (f" ({curve.badge})" if curve.badge else "")
    about = "about " if numbers.count > stop - start else ""
    words = (
        f"{curve.text} last {value_label(numbers.last)} min {value_label(numbers.low)} "
        f"max {value_label(numbers.high)} mean {about}{value_label(numbers.mean)} (n {numbers.count:,})"
    )
    hidden = len(curve.gaps(True)) - len(curve.gaps(False)) if log else 0
    if hidden:
        words += f", {hidden:,} not above 0 hidden"
    return words + (f", {curve.badge}" if curve.badge else "")
