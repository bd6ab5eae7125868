"""The chart as a widget: it keeps a view (zoom, crosshair, log axis, smoothing) over curves given to it.

Data come in by `show_curves` and leave the view alone, so that a zoom stays while a training runs. The
picture is drawn when it is asked for, once; a moving crosshair repaints over it without drawing the curves
again. Pictures are pure (`plot.py`); this file only turns keys and the mouse into a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.keys import key
from tui.symbols import choose_symbols
from tui.widgets.chart.overlays import Level, Mark
from tui.widgets.chart.paint import Paint, paint_of, strips
from tui.widgets.chart.plot import Drawing, Plot, draw_base, extent, finish
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import BRAILLE, SETS, SymbolSet

SMOOTHINGS = (0.0, 0.9, 0.97, 0.99)
ZOOM = 0.5


class Chart(Widget, can_focus=True):
    """Curves over steps or over time."""

    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        min-height: 3;
        pointer: default;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        key("chart.zoom_in", "plus", "zoom(1)", "zoom in", "Show half of the x axis around the crosshair"),
        key("chart.zoom_out", "minus", "zoom(-1)", "zoom out", "Show twice as much of the x axis"),
        key("chart.reset", "equals_sign", "reset", "whole", "Show all of the x axis again"),
        key("chart.log", "L", "log", "log axis", "Switch between a linear and a logarithmic value axis"),
        key("chart.smooth", "S", "smooth", "smooth", "Change the smoothing; the raw line stays, faint"),
        key("chart.left", "left,h", "move(-1)", "left", "Move the crosshair of all charts to the left"),
        key("chart.right", "right,l", "move(1)", "right", "Move the crosshair of all charts to the right"),
        key("chart.first", "home,g", "end(0)", "first", "Crosshair to the left edge"),
        key("chart.last", "end,G", "end(1)", "last", "Crosshair to the right edge"),
        key("chart.clear", "escape", "clear", "no crosshair", "Take the crosshair away"),
    ]

    FOLLOWS_MOUSE: ClassVar[bool] = True
    """Whether the crosshair is wherever the mouse passes."""

    log_axis: reactive[bool] = reactive(False, layout=False)
    smoothing: reactive[float] = reactive(0.0, layout=False)
    window: reactive[tuple[float, float] | None] = reactive(None, layout=False)
    crosshair: reactive[float | None] = reactive(None, layout=False)

    class Pointed(Message):
        """The crosshair was moved by hand; `x` is None when it was taken away."""

        def __init__(self, chart: Chart, x: float | None) -> None:
            super().__init__()
            self.chart = chart
            self.x = x

        @property
        def control(self) -> Chart:
            """The chart under the hand."""
            return self.chart

        def can_replace(self, message: Message) -> bool:
            """Only the newest place of the crosshair matters."""
            return isinstance(message, Chart.Pointed) and message.chart is self.chart

    class Zoomed(Message):
        """The window was changed by hand; None is the whole axis."""

        def __init__(self, chart: Chart, window: tuple[float, float] | None) -> None:
            super().__init__()
            self.chart = chart
            self.window = window

        @property
        def control(self) -> Chart:
            """The chart under the hand."""
            return self.chart

    class Smoothed(Message):
        """The smoothing was changed by hand."""

        def __init__(self, chart: Chart, weight: float) -> None:
            super().__init__()
            self.chart = chart
            self.weight = weight

        @property
        def control(self) -> Chart:
            """The chart under the hand."""
            return self.chart

    def __init__(
        self,
        title: str = "",
        *,
        unit: str = "",
        x_unit: str = "",
        time: bool = False,
        footnote: bool = True,
        empty: str = "no data yet",
        symbols: SymbolSet | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._plot = Plot(
            title=title, unit=unit, x_unit=x_unit, time=time, footnote=footnote, empty=empty, symbols=BRAILLE
        )
        self._symbols = symbols
        self._span: tuple[float, float] | None = None
        self._base: Drawing | None = None
        self._strips: list[Strip] | None = None
        self._drawing: Drawing | None = None
        self._drawn_size = Size(0, 0)
        self._paint: Paint | None = None

    def show_curves(
        self,
        series: Sequence[Series],
        *,
        levels: Sequence[Level] = (),
        marks: Sequence[Mark] = (),
        title: str | None = None,
        empty: str | None = None,
        span: tuple[float, float] | None = None,
    ) -> None:
        """Replace the curves; zoom, crosshair, log axis and smoothing stay as they are.

        `span` is the x axis when nothing is zoomed; without it, it reaches from the first to the last point.
        """
        if span is not None and span[0] >= span[1]:
            span = None
        if span != self._span:
            self._span = span
            self._redraw()
        plot = replace(self._plot, series=tuple(series), levels=tuple(levels), marks=tuple(marks))
        if title is not None:
            plot = replace(plot, title=title)
        if empty is not None:
            plot = replace(plot, empty=empty)
        if plot != self._plot:
            self._plot = plot
            self._redraw()

    @property
    def is_time(self) -> bool:
        """Whether the x axis is time; crosshairs are shared by charts of the same kind of axis."""
        return self._plot.time

    @property
    def series(self) -> Sequence[Series]:
        """The curves shown."""
        return self._plot.series

    @property
    def text_line(self) -> str:
        """The chart in words: last, min, max and mean of each curve in the window."""
        return self._draw().text

    @property
    def lines(self) -> list[str]:
        """What is on the screen, as plain text."""
        return self._draw().picture.lines

    def render_line(self, y: int) -> Strip:
        """One row; the picture is drawn when the first row is asked for."""
        if self._strips is None or self._drawn_size != self.outer_size:
            if self._paint is None:
                self._paint = paint_of(self.app.theme_variables, self.background_colors[1])
            self._strips = strips(self._draw().picture, self._paint)
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def notify_style_update(self) -> None:
        """Colours follow the theme."""
        self._paint = self._strips = None
        super().notify_style_update()

    def _draw(self) -> Drawing:
        if self._base is None or self._drawn_size != self.outer_size:
            self._plot = replace(self._plot, symbols=self._symbol_set())
            plot = replace(
                self._plot, log=self.log_axis, smoothing=self.smoothing, window=self.window or self._span
            )
            self._base = draw_base(plot, *self.size)
            self._drawn_size = self.outer_size
            self._drawing = None
        if self._drawing is None:
            plot = replace(self._plot, log=self.log_axis, crosshair=self.crosshair, focused=self.has_focus)
            plot = replace(plot, window=self.window or self._span)
            self._drawing = finish(plot, self._base)
        return self._drawing

    def _symbol_set(self) -> SymbolSet:
        if self._symbols is None:
            known = getattr(self.app, "symbols", None) or choose_symbols("auto")
            self._symbols = SETS[known.chart]
        return self._symbols

    def _redraw(self) -> None:
        self._base = self._drawing = self._strips = None
        self.refresh()

    def watch_log_axis(self) -> None:
        """Draw again on the other axis."""
        self._redraw()

    def watch_smoothing(self) -> None:
        """Draw again with the other smoothing."""
        self._redraw()

    def watch_window(self) -> None:
        """Draw again what is in the window."""
        self._redraw()

    def watch_crosshair(self) -> None:
        """Paint the crosshair over the picture that is there."""
        self._drawing = self._strips = None
        self.refresh()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The title says where the keys go."""
        super().watch_has_focus(_has_focus)
        self._drawing = self._strips = None
        self.refresh()

    def action_log(self) -> None:
        """Switch the value axis."""
        self.log_axis = not self.log_axis

    def action_smooth(self) -> None:
        """The next smoothing; after the strongest comes none."""
        place = SMOOTHINGS.index(self.smoothing) if self.smoothing in SMOOTHINGS else 0
        self.smoothing = SMOOTHINGS[(place + 1) % len(SMOOTHINGS)]
        self.post_message(self.Smoothed(self, self.smoothing))

    def action_zoom(self, direction: int) -> None:
        """Zoom in (1) or out (-1) around the crosshair, or around the middle."""
        self._zoom(ZOOM if direction > 0 else 1 / ZOOM, self.crosshair)

    def action_reset(self) -> None:
        """Show the whole x axis."""
        self._show_window(None)

    def action_move(self, direction: int) -> None:
        """Move the crosshair by a cell; at the edge of a zoomed window the window moves."""
        frame = self._draw().frame
        if frame is None:
            return
        at = self.crosshair
        if at is None or not frame.x_low <= at <= frame.x_high:
            at = frame.x_high if direction < 0 else frame.x_low
            self.post_message(self.Pointed(self, at))
            return
        target = frame.x_of_cell(frame.cell(at) + direction)
        if (target == at or not frame.x_low <= target <= frame.x_high) and self.window is not None:
            self._pan((self.window[1] - self.window[0]) * 0.1 * direction)
            return
        self.post_message(self.Pointed(self, target))

    def action_end(self, side: int) -> None:
        """Crosshair to the left (0) or right (1) edge."""
        frame = self._draw().frame
        if frame is not None:
            self.post_message(self.Pointed(self, frame.x_high if side else frame.x_low))

    def action_clear(self) -> None:
        """Take the crosshair away."""
        self.post_message(self.Pointed(self, None))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to the screen while there is no crosshair."""
        return not (action == "clear" and self.crosshair is None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The crosshair follows the mouse."""
        if self.FOLLOWS_MOUSE:
            self.point_at(event)

    def point_at(self, event: events.MouseEvent) -> None:
        """The crosshair to where the mouse is."""
        frame = self._draw().frame
        place = event.get_content_offset(self)
        if frame is not None and place is not None and place.x >= frame.left:
            self.post_message(self.Pointed(self, frame.x_of_cell(place.x)))

    def on_leave(self) -> None:
        """No crosshair where there is no mouse."""
        if self.FOLLOWS_MOUSE:
            self.post_message(self.Pointed(self, None))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in at the mouse."""
        self._wheel(event, ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out at the mouse."""
        self._wheel(event, 1 / ZOOM)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        frame = self._draw().frame
        place = event.get_content_offset(self)
        if frame is not None and place is not None:
            event.stop()
            self._zoom(factor, frame.x_of_cell(place.x))

    def _zoom(self, factor: float, around: float | None) -> None:
        whole = self._span or extent(self._plot.series)
        if whole is None:
            return
        low, high = self.window or whole
        middle = (low + high) / 2 if around is None or not low <= around <= high else around
        low, high = middle - (middle - low) * factor, middle + (high - middle) * factor
        if high - low >= whole[1] - whole[0]:
            self._show_window(None)
        elif high - low >= (1.0 if not self.is_time else 1_000.0):
            self._show_window((max(low, whole[0]), min(high, whole[1])))

    def _pan(self, distance: float) -> None:
        whole = self._span or extent(self._plot.series)
        if whole is None or self.window is None:
            return
        low, high = self.window
        distance = max(whole[0] - low, min(distance, whole[1] - high))
        self._show_window((low + distance, high + distance))

    def _show_window(self, window: tuple[float, float] | None) -> None:
        self.window = window
        self.post_message(self.Zoomed(self, window))
