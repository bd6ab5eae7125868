"""The first line of every screen: the brand, the screens with their keys, and the state of the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from tui.screens.catalogue import SCREENS, ScreenEntry

if TYPE_CHECKING:
    from tui.app import CoinTraderApp
    from tui.health import Health


class Header(Widget):
    """One line; what does not fit is shortened from the least important end."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Header {
        dock: top;
        height: 1;
        background: $panel;
        color: $foreground;
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

    def render(self) -> Content:
        """The fullest form that fits the width."""
        width = self.size.width
        app = cast("CoinTraderApp", self.app)
        for level in range(4):
            left, right = self._tabs(level), self._state(app.health, level)
            spare = width - left.cell_length - right.cell_length
            if spare >= 1:
                return Content.assemble(left, " " * spare, right)
        return left.truncate(width)

    def _tabs(self, level: int) -> Content:
        brand = (" coinTrader ", " coinTrader ", " cT ", " cT ")[level]
        parts: list[Content | tuple[str, str | Style]] = [(brand, "bold $accent")]
        for item in SCREENS:
            active = item.id == self._current
            parts.append(_tab(item, active, wide=level == 0, titled=active or level < 3))
        return Content.assemble(*parts)

    def _state(self, health: Health, level: int) -> Content:
        app = cast("CoinTraderApp", self.app)
        symbols = app.symbols
        mark, style, words = {
            "alive": (symbols.dot, "$gain", "worker"),
            "silent": (symbols.dot, "$warning", f"worker silent {health.silent_seconds} s"),
            "dead": (symbols.cross, "$loss", "worker presumed dead"),
            "none": (symbols.hollow, "$quiet", "no worker"),
        }.get(health.worker, (symbols.hollow, "$quiet", "opening"))
        short = level >= 1 and health.worker in {"alive", "none", "unknown"}
        parts: list[tuple[str, str]] = [(mark, style)]
        if not short:
            parts.append((f" {words}", "$foreground" if health.worker == "alive" else style))
        if health.running or health.waiting:
            parts.append((f" {_jobs(health, short=level >= 2)}", "$foreground"))
        if health.device and level < 3:
            parts.append((f" {symbols.middle} {health.device}", "$quiet"))
        if app.read_only:
            parts.append((" read-only" if level < 2 else " ro", "bold $warning"))
        return Content.assemble(*parts, " ")


def _tab(item: ScreenEntry, active: bool, *, wide: bool, titled: bool) -> Content:
    """One screen as `4 Positions`; the active one stands out by weight and frame, not only by colour."""
    click = Style.from_meta({"@click": f"app.show_screen({item.id!r})"})
    title = f" {item.title}" if titled else ""
    pad = " " if wide else ""
    if active:
        text = Content.assemble((f" {item.key}{title} ", "bold $background on $primary"))
    else:
        text = Content.assemble((f" {pad}{item.key}", "$accent"), (f"{title}{pad}", "$foreground 75%"))
    return text.stylize(click)


def _jobs(health: Health, *, short: bool) -> str:
    if short:
        return f"{health.running}+{health.waiting}" if health.waiting else str(health.running)
    noun = "job" if health.running == 1 else "jobs"
    text = f"{health.running} {noun}" if health.running else "no job"
    return f"{text}, {health.waiting} waiting" if health.waiting else text
