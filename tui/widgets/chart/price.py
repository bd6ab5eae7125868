"""The price around a position: where it was entered and left, and the levels it lived between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.widgets.chart import overlays
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.picture import DOWN, LEVEL, STOP, TARGET, UP
from tui.widgets.chart.series import Series


@dataclass(frozen=True)
class Mark:
    """A moment of a position: `index` into the closes, what it was ("entry", "exit stop") and its symbol.

    `symbol` is "▲" or "▼"; it is drawn below or above the price, and as "^" or "v" in ASCII.
    """

    index: int
    label: str
    symbol: str = "▲"


@dataclass(frozen=True)
class Level:
    """A price with a name; "stop" and "target" have colours of their own."""

    value: float
    label: str


class PriceChart(Chart):
    """Closes over time with marks and levels."""

    def __init__(self, *, id: str | None = None, classes: str | None = None, title: str = "price") -> None:
        super().__init__(
            title, time=True, footnote=False, empty="no prices kept for this position", id=id, classes=classes
        )

    def show(
        self,
        closes: Sequence[float],
        first_ms: int,
        step_ms: int,
        marks: Sequence[Mark] = (),
        levels: Sequence[Level] = (),
    ) -> None:
        """Draw closes at `first_ms`, `first_ms + step_ms` and so on."""
        symbols = self._symbol_set()
        moments = [float(first_ms + number * step_ms) for number in range(len(closes))]
        placed = []
        for mark in marks:
            if not 0 <= mark.index < len(closes):
                continue
            above = mark.symbol in {"▼", "v"}
            glyph = symbols.down_mark if above else symbols.up
            role = DOWN if above else UP
            placed.append(
                overlays.Mark(moments[mark.index], closes[mark.index], glyph, mark.label, role, above)
            )
        self.show_curves(
            [Series("close", moments, list(closes))] if closes else [],
            levels=[overlays.Level(level.value, level.label, _role(level.label)) for level in levels],
            marks=placed,
        )


def _role(label: str) -> int:
    word = label.lower()
    return STOP if "stop" in word else TARGET if "target" in word else LEVEL
