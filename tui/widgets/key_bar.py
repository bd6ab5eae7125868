"""The last line of every screen: the keys that do something here, as many as fit, and where the rest is."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget


class KeyBar(Widget):
    """Drawn as one line of text; a click on an entry is its key."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def on_mount(self) -> None:
        """Repaints when focus moves or an action becomes possible or impossible."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> Content:
        """The bindings marked for this line, those of the focused widget first, `?` always last."""
        width = self.size.width
        shown: list[Content] = []
        tail = Content("")
        used = 1
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or binding.action in seen:
                continue
            seen.add(binding.action)
            item = _entry(self.app.get_key_display(binding), binding.key, binding.description, active.enabled)
            if binding.action == "app.help":
                tail = item
            else:
                shown.append(item)
        room = width - tail.cell_length - 1
        fitting: list[Content] = []
        for item in shown:
            if used + item.cell_length + 2 > room:
                break
            fitting.append(item)
            used += item.cell_length + 2
        line = Content("  ").join([*fitting, tail]) if tail else Content("  ").join(fitting)
        return Content.assemble(" ", line)


def _entry(display: str, key: str, label: str, enabled: bool) -> Content:
    if not enabled:
        return Content.assemble((f"{display} {label}", "$quiet 60%"))
    click = Style.from_meta({"@click": f"app.simulate_key({key!r})"})
    return Content.assemble(
        (display, "bold $footer-key-foreground"), (f" {label}", "$foreground 85%")
    ).stylize(click)
