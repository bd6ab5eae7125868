"""What the palette finds: every key that works now, what the screen adds, all screens, the themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.themes import THEMES, TITLES

if TYPE_CHECKING:
    from tui.app import CoinTraderApp
    from tui.screens.base import ConsoleScreen
    from tui.screens.paper import PaperScreen

Command = tuple[str, str, Callable[[], object]]
"""Title, help, and what to call."""


class ConsoleCommands(Provider):
    """One provider for all screens: it asks the screen in front what it offers."""

    def commands(self) -> Iterator[Command]:
        """Everything that can be done from here."""
        yield from self._of_screen()
        yield from self._of_keys()
        if not hasattr(self.screen, "action_order"):
            yield "Order by hand", "Order a position in a paper run", self._order
        for theme in THEMES:
            title = f"Colours: {TITLES[theme.name]}"
            yield title, "Change the theme", partial(self._console.choose_theme, theme.name)

    @property
    def _console(self) -> CoinTraderApp:
        return cast("CoinTraderApp", self.app)

    def _order(self) -> None:
        """The form of an order lies over the screen of paper trading."""
        self._console.action_show_screen("paper")
        cast("PaperScreen", self._console.screen).order_soon()

    def _of_screen(self) -> Iterator[Command]:
        if hasattr(self.screen, "palette"):
            yield from cast("ConsoleScreen", self.screen).palette()

    def _of_keys(self) -> Iterator[Command]:
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.id is None or not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            if binding.action in ("app.command_palette",) or binding.action.startswith(("move", "page(")):
                continue
            display = self.app.get_key_display(binding)
            title = f"{binding.description[:1].upper()}{binding.description[1:]}"
            run = partial(self.app.run_action, binding.action, active.node)
            yield title, f"{binding.tooltip or binding.description}  ({display})", run

    async def discover(self) -> Hits:
        """What is shown before anything is typed."""
        for title, help, call in self.commands():
            yield DiscoveryHit(title, call, help=help)

    async def search(self, query: str) -> Hits:
        """What is like the query."""
        matcher = self.matcher(query)
        for title, help, call in self.commands():
            score = max(matcher.match(title), matcher.match(help) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(title), call, text=title, help=help)
