"""Charts side by side: one crosshair and one window for all that share the kind of x axis."""

from __future__ import annotations

from textual import on
from textual.containers import Container

from tui.widgets.chart.chart import Chart


class ChartGroup(Container):
    """Holds charts at any depth; what is done by hand to one is done to all of its kind."""

    @on(Chart.Pointed)
    def share_crosshair(self, message: Chart.Pointed) -> None:
        """Set the crosshair of every chart over the same kind of axis."""
        for chart in self.query(Chart):
            if chart.is_time == message.chart.is_time:
                chart.crosshair = message.x

    @on(Chart.Zoomed)
    def share_window(self, message: Chart.Zoomed) -> None:
        """Show the same part of the axis in all of them."""
        for chart in self.query(Chart):
            if chart.is_time == message.chart.is_time:
                chart.window = message.window

    @on(Chart.Smoothed)
    def share_smoothing(self, message: Chart.Smoothed) -> None:
        """Smooth all of them alike."""
        for chart in self.query(Chart):
            if chart.is_time == message.chart.is_time:
                chart.smoothing = message.weight
