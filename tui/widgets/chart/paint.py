"""From roles to colours: the words of the theme, mixed with the background of the widget."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from tui.widgets.chart import picture as roles
from tui.widgets.chart.picture import Picture, series_role
from tui.widgets.chart.series import COLOURS

FAINT = 0.38  # how much of a curve's colour its faint raw line keeps

# role: (word of the theme, colour where the theme does not know the word, bold, reversed)
_ROLES: dict[int, tuple[str, str, bool, bool]] = {
    roles.PLAIN: ("foreground", "#d7dce4", False, False),
    roles.AXIS: ("rule", "#39445a", False, False),
    roles.LABEL: ("quiet", "#8692a6", False, False),
    roles.TITLE: ("foreground", "#d7dce4", True, False),
    roles.FOCUSED: ("accent", "#f2b84b", True, False),
    roles.LEVEL: ("quiet", "#8692a6", False, False),
    roles.BADGE: ("error", "#f0716a", True, True),
    roles.CROSSHAIR: ("accent", "#f2b84b", False, False),
    roles.UP: ("gain", "#57c98a", True, False),
    roles.DOWN: ("loss", "#f0716a", True, False),
    roles.STOP: ("loss", "#f0716a", False, False),
    roles.TARGET: ("gain", "#57c98a", False, False),
    roles.EMPTY: ("quiet", "#8692a6", False, False),
}
_SERIES = ("#5aa9e6", "#f2b84b", "#57c98a", "#c792ea", "#f0716a", "#62d0d6")

Paint = dict[int, Style]


def paint_of(variables: Mapping[str, str], background: Color) -> Paint:
    """The style of every role, over this background."""
    behind = background.rich_color
    paint: Paint = {}
    for role, (word, fallback, bold, reverse) in _ROLES.items():
        colour = _colour(variables, word, fallback)
        paint[role] = Style(color=colour.rich_color, bgcolor=behind, bold=bold, reverse=reverse)
    for slot in range(COLOURS):
        colour = _colour(variables, f"series-{slot + 1}", _SERIES[slot])
        paint[series_role(slot)] = Style(color=colour.rich_color, bgcolor=behind)
        faint = background.blend(colour, FAINT)
        paint[series_role(slot, faint=True)] = Style(color=faint.rich_color, bgcolor=behind)
    return paint


def strips(picture: Picture, paint: Paint) -> list[Strip]:
    """The rows of a picture as Textual's strips."""
    return [
        Strip([Segment(text, paint[role]) for text, role in picture.row(y)], picture.width)
        for y in range(picture.height)
    ]


def _colour(variables: Mapping[str, str], word: str, fallback: str) -> Color:
    value = variables.get(word, fallback)
    return Color.parse(value if value.startswith("#") and " " not in value else fallback)
