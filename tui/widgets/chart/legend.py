"""The first line of a chart: its title, and for each curve a sample of its line and a value.

A curve is told from its neighbours by line style and letter as well as by colour. Where the line is too
short, values go first, then labels are cut, and what is left over is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.widgets.chart.canvas import DASHED, DOTTED
from tui.widgets.chart.picture import AXIS, FOCUSED, LABEL, PLAIN, TITLE, Picture, series_role
from tui.widgets.chart.scale import value_label
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import SymbolSet


@dataclass(frozen=True)
class Entry:
    """One curve in the legend."""

    sample: str
    role: int
    label: str
    value: str

    def width(self, with_value: bool) -> int:
        """Cells it takes, the two in front included."""
        label = 1 + len(self.label) if self.label else 0
        return 2 + len(self.sample) + label + (1 + len(self.value)) * with_value


def entries(series: Sequence[Series], symbols: SymbolSet, at: float | None, title: str) -> list[Entry]:
    """The legend of curves; values are those at `at`, or the last ones when it is None.

    A curve that is called like the chart is not named again.
    """
    samples = {DASHED: symbols.dashed_sample, DOTTED: symbols.dotted_sample}
    found = []
    for one in series:
        sample = samples.get(one.pattern, symbols.solid_sample) + one.letter
        value = one.statistics.last if at is None else one.at(at)
        label = "" if one.text == title else one.text
        found.append(Entry(sample, series_role(one.colour), label, value_label(value)))
    return found


def write_legend(
    picture: Picture,
    title: str,
    series: Sequence[Series],
    symbols: SymbolSet,
    at: float | None,
    *,
    focused: bool = False,
) -> None:
    """Write title and legend into the first row of a picture, and a thin rule between them."""
    end = picture.write(0, 0, symbols.horizontal + " ", AXIS) if title else 0
    end = picture.write(end, 0, title[: picture.width - end], FOCUSED if focused else TITLE)
    room = picture.width - end
    shown = entries(series, symbols, at, title)
    with_value = sum(entry.width(True) for entry in shown) <= room
    kept: list[Entry] = []
    for number, entry in enumerate(shown):
        rest = len(shown) - number - 1
        needed = entry.width(with_value) + (len(f" +{rest}") if rest else 0)
        if needed > room:
            break
        kept.append(entry)
        room -= entry.width(with_value)
    x = picture.width - sum(entry.width(with_value) for entry in kept)
    left_over = len(shown) - len(kept)
    if left_over and kept:
        x -= len(f" +{left_over}")
    if title and x - end > 3:
        picture.write(end + 1, 0, symbols.horizontal * (x - end - (not kept)), AXIS)
    for entry in kept:
        x = picture.write(x + 2, 0, entry.sample, entry.role)
        if entry.label:
            x = picture.write(x + 1, 0, entry.label, LABEL)
        if with_value:
            x = picture.write(x + 1, 0, entry.value, PLAIN)
    if left_over and kept:
        picture.write(x + 1, 0, f"+{left_over}", LABEL)
