"""The last line of every screen: the keys that do something here, as many as fit, and where the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen

from tui.widgets.clickable_line import ClickableLine, Piece

EARLY = ("table.open", "screen.filter", "table.sort")
"""Ids that come first wherever they are bound; the others follow from the focus outwards."""

LAST = "app.help"
"""The id that is always shown, at the end."""


class KeyBar(ClickableLine):
    """A click on an entry is its key."""

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
    }
    """

    def on_mount(self) -> None:
        """Repaints when focus moves or an action becomes possible or impossible."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def pieces(self, width: int) -> Sequence[Piece]:
        """As many entries as fit; the help always."""
        entries, last = self._entries()
        room = width - 1 - (last.content.cell_length if last is not None else 0)
        line = [Piece(Content(" "))]
        for entry in entries:
            room -= entry.content.cell_length
            if room < 0:
                break
            line.append(entry)
        return line if last is None else [*line, last]

    def _entries(self) -> tuple[list[Piece], Piece | None]:
        shown: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show:
                shown.setdefault(active.binding.action, active)
        ranked = sorted(shown.values(), key=lambda active: _rank(active.binding.id or ""))
        last = [self._entry(active) for active in ranked if active.binding.id == LAST]
        return (
            [self._entry(active) for active in ranked if active.binding.id != LAST],
            last[0] if last else None,
        )

    def _entry(self, active: ActiveBinding) -> Piece:
        binding = active.binding
        display = self.app.get_key_display(binding)
        words = getattr(active.node, "key_words", {}).get(binding.action, binding.description)
        click = partial(self.app.simulate_key, binding.key)
        if not active.enabled:
            return Piece(Content.styled(f"{display} {words}  ", "$quiet 60%"), click)
        content = Content.assemble(
            (display, "bold $footer-key-foreground"), (f" {words}  ", "$foreground 85%")
        )
        return Piece(content, click)


def _rank(id: str) -> int:
    return EARLY.index(id) if id in EARLY else len(EARLY)
