"""From a description of a chart to a picture of it: pure, so that a test can read what a person sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tui.widgets.chart.canvas import DotCanvas, inked
from tui.widgets.chart.envelope import Column, envelope
from tui.widgets.chart.legend import write_legend
from tui.widgets.chart.overlays import Level, Mark, write_badges, write_crosshair, write_levels, write_marks
from tui.widgets.chart.picture import AXIS, EMPTY, LABEL, Picture, series_role
from tui.widgets.chart.scale import Scale, Tick, fit, longest, step_ticks, time_ticks
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import BRAILLE, SymbolSet
from tui.widgets.chart.words import describe, fitting

LEVEL_REACH = 2.0  # a level farther away than this many spans of the data is named, not drawn to scale


@dataclass(frozen=True)
class Plot:
    """A whole chart. `window` is the part of the x axis to show, None for all of it.

    `smoothing` in [0, 1) draws an exponential mean over a faint raw line; `footnote` asks for the line of
    figures below; `time` says that x are milliseconds UTC.
    """

    title: str = ""
    series: Sequence[Series] = ()
    unit: str = ""
    x_unit: str = ""
    time: bool = False
    log: bool = False
    smoothing: float = 0.0
    window: tuple[float, float] | None = None
    crosshair: float | None = None
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    footnote: bool = True
    empty: str = "no data yet"
    focused: bool = False
    symbols: SymbolSet = BRAILLE


@dataclass(frozen=True)
class Frame:
    """Where the plot lies inside the picture, in cells, and what its axes span."""

    left: int
    top: int
    width: int
    height: int
    x_low: float
    x_high: float
    y: Scale
    columns: int
    rows: int

    def column(self, x: float) -> int:
        """The dot column of a place on the x axis."""
        span = self.x_high - self.x_low
        return math.floor((x - self.x_low) / span * (self.columns - 1) + 0.5) if span > 0 else 0

    def cell(self, x: float) -> int:
        """The column of cells, inside the picture, of a place on the x axis."""
        return self.left + self.column(x) * self.width // self.columns

    def x_of_cell(self, cell: int) -> float:
        """The place on the x axis in the middle of a column of cells."""
        per_cell = self.columns / self.width
        dot = min(max((cell - self.left + 0.5) * per_cell - 0.5, 0.0), self.columns - 1)
        return self.x_low + (self.x_high - self.x_low) * dot / max(self.columns - 1, 1)

    def dot_row(self, value: float) -> int:
        """The dot row of a value, 0 at the top; values outside lie just beyond the edge."""
        y = self.y
        place = y.place(value) if y.log else (value - y.low) / (y.high - y.low)
        if not -0.5 < place < 1.5:
            return self.rows + 1 if place < 0.5 else -2
        return int((1.0 - place) * (self.rows - 1) + 0.5)

    def row(self, value: float) -> int:
        """The row of cells, inside the picture, of a value."""
        return self.top + self.dot_row(value) * self.height // self.rows


@dataclass(frozen=True)
class Drawing:
    """The picture, and the frame that a mouse is read against (None when there was nothing to draw)."""

    picture: Picture
    frame: Frame | None
    text: str = field(default="")


def extent(series: Sequence[Series]) -> tuple[float, float] | None:
    """The first and the last x of all curves."""
    starts = [one.xs[0] for one in series if one.xs]
    return (min(starts), max(one.xs[-1] for one in series if one.xs)) if starts else None


def draw(plot: Plot, width: int, height: int) -> Drawing:
    """Draw the chart into `width` x `height` cells."""
    return finish(plot, draw_base(plot, width, height))


def draw_base(plot: Plot, width: int, height: int) -> Drawing:
    """All but what a moving crosshair changes: axes, curves, levels and marks."""
    picture = Picture(max(width, 0), max(height, 0))
    text = describe(plot.series, plot.window, plot.log)
    whole = extent(plot.series)
    window = plot.window or whole
    y = _y_scale(plot, window) if window and width >= 8 and height >= 3 else None
    if window is None or y is None:
        return Drawing(picture, None, text)
    frame, y_ticks, x_ticks = _layout(plot, width, height, window, y)
    _write_axes(picture, plot, frame, y_ticks, x_ticks)
    _write_curves(picture, plot, frame)
    write_levels(picture, frame, plot.levels, plot.symbols)
    write_marks(picture, frame, plot.marks)
    return Drawing(picture, frame, text)


def finish(plot: Plot, base: Drawing) -> Drawing:
    """A copy of a base drawing with crosshair, badges, legend and the line of figures."""
    picture, frame = base.picture.copy(), base.frame
    width, height = picture.width, picture.height
    if width < 8 or height < 3:
        picture.write(0, 0, base.text, LABEL)
        return Drawing(picture, None, base.text)
    if frame is None:
        write_legend(picture, plot.title, plot.series, plot.symbols, None, focused=plot.focused)
        words = _nothing_here(plot) if extent(plot.series) else plot.empty
        picture.write(max(0, (width - len(words)) // 2), height // 2, words, EMPTY)
        write_badges(picture, plot.series, 0, width, 1)
        return Drawing(picture, None, base.text)
    at = plot.crosshair
    if at is not None and not frame.x_low <= at <= frame.x_high:
        at = None
    if at is not None:
        write_crosshair(picture, frame, at, plot.symbols, time=plot.time)
    write_badges(picture, plot.series, frame.left, frame.left + frame.width, frame.top)
    write_legend(picture, plot.title, plot.series, plot.symbols, at, focused=plot.focused)
    if _has_footnote(plot, height):
        picture.write(0, height - 1, fitting(plot.series, plot.window, width, plot.log), LABEL)
    return Drawing(picture, frame, base.text)


def _has_footnote(plot: Plot, height: int) -> bool:
    return plot.footnote and height >= 9


def _nothing_here(plot: Plot) -> str:
    if plot.log and any(one.statistics.count for one in plot.series):
        return "nothing above 0 to show on a log axis"
    return "no finite values here"


def _envelopes(plot: Plot, window: tuple[float, float], columns: int) -> list[tuple[list[Column], ...]]:
    """For each curve its envelope, and the smoothed one where smoothing is on."""
    found: list[tuple[list[Column], ...]] = []
    for one in plot.series:
        raw = envelope(one, *window, columns, log=plot.log)
        if plot.smoothing and one.smoothable:
            smooth = one.smoothed(plot.smoothing)
            found.append((raw, envelope(one, *window, columns, log=plot.log, ys=smooth)))
        else:
            found.append((raw,))
    return found


def _y_scale(plot: Plot, window: tuple[float, float]) -> Scale | None:
    ranges = [one.range_of(*one.visible(*window), plot.log) for one in plot.series]
    lows = [pair[0] for pair in ranges if pair is not None]
    if not lows:
        return None
    low, high = min(lows), max(pair[1] for pair in ranges if pair is not None)
    reach = (high - low or abs(low) or 1.0) * LEVEL_REACH
    for level in plot.levels:
        if (level.value > 0 or not plot.log) and low - reach <= level.value <= high + reach:
            low, high = min(low, level.value), max(high, level.value)
    return fit(low, high, log=plot.log)


def _layout(
    plot: Plot, width: int, height: int, window: tuple[float, float], y: Scale
) -> tuple[Frame, list[Tick], list[Tick]]:
    top = 1
    below = 2 if height >= 6 else 1
    rows = max(1, height - top - below - _has_footnote(plot, height))
    y_ticks = y.ticks(max(3 if rows > 3 else 1, rows // 3))
    left = min(max(longest(y_ticks), len(plot.unit), 3) + 1, width // 2)
    across = max(1, width - left)
    symbols = plot.symbols
    low, high = window if window[1] > window[0] else (window[0] - 0.5, window[1] + 0.5)
    frame = Frame(left, top, across, rows, low, high, y, across * symbols.across, rows * symbols.down)
    room = 13 if plot.time else 9
    x_ticks = (time_ticks if plot.time else step_ticks)(low, high, max(2, across // room))
    return frame, y_ticks, x_ticks


def _write_axes(
    picture: Picture, plot: Plot, frame: Frame, y_ticks: Sequence[Tick], x_ticks: Sequence[Tick]
) -> None:
    symbols = plot.symbols
    axis = frame.left - 1
    bottom = frame.top + frame.height
    for row in range(frame.top, bottom):
        picture.write(axis, row, symbols.vertical, AXIS)
    for tick in y_ticks:
        row = frame.row(tick.value)
        if frame.top <= row < bottom:
            picture.write(axis, row, symbols.tick_left, AXIS)
            picture.write(axis - len(tick.label), row, tick.label, LABEL)
    if plot.unit and picture.is_free(0, frame.top, axis):
        picture.write(max(0, axis - len(plot.unit)), frame.top, plot.unit, LABEL)
    has_line = picture.height - bottom - _has_footnote(plot, picture.height) >= 2
    if has_line:
        picture.write(axis, bottom, symbols.corner + symbols.horizontal * frame.width, AXIS)
    end = 0
    label_row = bottom + has_line
    limit = picture.width - (len(plot.x_unit) + 1 if plot.x_unit else 0)
    for tick in x_ticks:
        cell = frame.cell(tick.value)
        start = max(min(cell - len(tick.label) // 2, limit - len(tick.label)), 0)
        if not frame.left <= cell < picture.width or start < end:
            continue
        if has_line:
            picture.write(cell, bottom, symbols.tick_below, AXIS)
        end = picture.write(start, label_row, tick.label, LABEL) + 1
    if plot.x_unit and picture.is_free(limit, label_row, len(plot.x_unit) + 1):
        picture.write(limit + 1, label_row, plot.x_unit, LABEL)


def _write_curves(picture: Picture, plot: Plot, frame: Frame) -> None:
    canvas = DotCanvas(frame.width, frame.height, plot.symbols)
    curves = _envelopes(plot, (frame.x_low, frame.x_high), frame.columns)
    for one, pair in zip(plot.series, curves, strict=True):
        for number, curve in enumerate(pair):
            faint = len(pair) > 1 and number == 0
            pattern = 0 if faint else one.pattern
            _ink(canvas, frame, curve, series_role(one.colour, faint=faint), pattern)
    for row in range(frame.height):
        picture.blit(frame.left, frame.top + row, *canvas.row(row))
    for one, pair in zip(plot.series, curves, strict=True):
        inside = [column for column in pair[-1] if 0 <= column.x < frame.columns]
        if one.letter and inside:
            cell = frame.left + inside[-1].x // plot.symbols.across
            picture.write(cell, frame.row(inside[-1].last), one.letter, series_role(one.colour))


def _ink(canvas: DotCanvas, frame: Frame, columns: Sequence[Column], role: int, pattern: int) -> None:
    """Draw an envelope: a run from least to greatest in each column, and lines between columns."""
    dot_row = frame.dot_row
    run = canvas.run
    before, at = -2, 0
    for x, first, low, high, last, joined in columns:
        start = dot_row(first)
        top, bottom = (dot_row(high), dot_row(low)) if high > low else (start, start)
        if joined and x == before + 1:
            if at < top:
                top = at + 1
            elif at > bottom:
                bottom = at - 1
            if not pattern or bottom - top > 2 or inked(pattern, x):
                run(x, top, bottom, role)
        else:
            if joined:
                canvas.line(before, at, x, start, role, pattern)
            if not joined or top != bottom:
                run(x, top, bottom, role)
        before, at = x, dot_row(last)
