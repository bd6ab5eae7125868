"""From curves as storage gives them, decimated and with gaps, to series as charts draw them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tui.widgets.chart.canvas import SOLID
from tui.widgets.chart.series import Series

if TYPE_CHECKING:
    from storage.curves import Curve, EquityCurve


def metric_series(
    curve: Curve, label: str, *, colour: int = 0, pattern: int = SOLID, letter: str = "", badge: bool = True
) -> Series:
    """A logged metric over its steps. A value that was not finite is a gap, and a badge says where."""
    lows = [math.nan if value is None else value for value in curve.low]
    highs = [math.nan if value is None else value for value in curve.high]
    middles = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
    if middles and curve.last_value is not None and math.isfinite(middles[-1]):
        middles[-1] = curve.last_value
    broken = curve.first_nonfinite
    return Series(
        name=f"{curve.name}{letter}",
        xs=curve.steps,
        ys=middles,
        lows=lows,
        highs=highs,
        label=label,
        colour=colour,
        pattern=pattern,
        letter=letter,
        badge=f"diverged: {broken[1]} at step {broken[0]:,}" if broken and badge else "",
        count=curve.count,
    )


def equity_series(curve: EquityCurve, label: str = "equity", *, colour: int = 0) -> Series:
    """The equity of a run over time."""
    middles = [(low + high) / 2 for low, high in zip(curve.low, curve.high, strict=True)]
    if middles and curve.start is not None and curve.end is not None:
        middles[0], middles[-1] = curve.start, curve.end
    return Series(
        name=label,
        xs=curve.times_ms,
        ys=middles,
        lows=curve.low,
        highs=curve.high,
        label=label,
        colour=colour,
        count=curve.count,
        smoothable=False,
    )
