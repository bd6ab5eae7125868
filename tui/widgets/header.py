"""The first line of every screen: the brand, the screens with their keys, and the state of the worker."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.content import Content

from tui.screens.catalogue import SCREENS
from tui.widgets.clickable_line import ClickableLine, Piece

if TYPE_CHECKING:
    from tui.app import CoinTraderApp
    from tui.health import Health

FORMS = ((0, 0), (1, 1), (1, 2), (2, 0), (2, 2), (3, 0), (3, 3))
"""How short the tabs are and how short the state, from the fullest line to the shortest.

Tabs without titles leave room, so the state is written out beside them where it fits.
"""


class Header(ClickableLine):
    """What does not fit is shortened: the brand and the words first, then the titles of other screens."""

    DEFAULT_CSS = """
    Header {
        dock: top;
    }
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def on_mount(self) -> None:
        """Repaints when the health of the system changes."""
        self.watch(self.app, "health", self._repaint, init=False)

    def _repaint(self) -> None:
        self.refresh()

    def pieces(self, width: int) -> Sequence[Piece]:
        """The fullest form that fits."""
        app = cast("CoinTraderApp", self.app)
        for tabs, state in FORMS:
            left, right = self._tabs(tabs), self._state(app.health, state)
            spare = width - sum(piece.content.cell_length for piece in left) - right.cell_length
            if spare >= 1:
                return [*left, Piece(Content(" " * spare)), Piece(right)]
        return left

    def _tabs(self, level: int) -> list[Piece]:
        app = cast("CoinTraderApp", self.app)
        brand = " coinTrader  " if level == 0 else " coinTrader " if level == 1 else " cT "
        pieces = [Piece(Content.styled(brand, "bold $accent"))]
        for item in SCREENS:
            active = item.id == self._current
            title = f" {item.title}" if active or level < 3 else ""
            gap = "  " if level == 0 else " "
            if active:
                content = Content.styled(f" {item.key}{title} ", "bold $background on $primary")
            else:
                content = Content.assemble((item.key, "$accent"), (title, "$foreground 80%"))
            pieces.append(Piece(content, partial(app.action_show_screen, item.id)))
            pieces.append(Piece(Content(gap)))
        return pieces

    def _state(self, health: Health, level: int) -> Content:
        app = cast("CoinTraderApp", self.app)
        symbols = app.symbols
        mark, style, words = {
            "alive": (symbols.dot, "$gain", "worker"),
            "silent": (symbols.dot, "$warning", f"worker silent {health.silent_seconds} s"),
            "dead": (symbols.cross, "$loss", "worker presumed dead"),
            "none": (symbols.hollow, "$quiet", "no worker"),
        }.get(health.worker, (symbols.hollow, "$quiet", "opening"))
        parts: list[tuple[str, str]] = [(mark, style)]
        if level == 0 or health.worker in {"silent", "dead"}:
            parts.append((f" {words}", "$foreground" if health.worker == "alive" else style))
        if health.running or health.waiting:
            parts.append((f" {_jobs(health, short=level >= 2)}", "$foreground"))
        if health.device and level < 2:
            parts.append((f" {symbols.middle} {health.device}", "$quiet"))
        if app.read_only:
            parts.append((" read-only" if level < 3 else " ro", "bold $warning"))
        return Content.assemble(*parts, " ")


def _jobs(health: Health, *, short: bool) -> str:
    if short:
        return f"{health.running}+{health.waiting}" if health.waiting else str(health.running)
    noun = "job" if health.running == 1 else "jobs"
    text = f"{health.running} {noun}" if health.running else "no job"
    return f"{text}, {health.waiting} waiting" if health.waiting else text
