"""Help for the screen in front: what it shows, and every key that works there now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.keys import key


@dataclass(frozen=True)
class HelpLine:
    """One action: the group it belongs to, its keys, and what it does."""

    group: str
    keys: str
    text: str
    enabled: bool


def help_lines(screen: Screen[object], app: App[object]) -> list[HelpLine]:
    """The live bindings of a screen, keys of one action together, the nearest to the focus first."""
    lines: dict[tuple[str, str], HelpLine] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.id is None or not binding.description:
            continue
        group = _group(active.node, screen)
        display = app.get_key_display(binding)
        text = binding.tooltip or binding.description
        before = lines.get((group, binding.action))
        keys = f"{before.keys} {display}" if before else display
        lines[(group, binding.action)] = HelpLine(group, keys, text, active.enabled)
    return list(lines.values())


def _group(node: object, screen: Screen[object]) -> str:
    if isinstance(node, App):
        return "Everywhere"
    if node is screen:
        return "On this screen"
    return str(getattr(node, "border_title", None) or type(node).__name__.replace("PagedTable", "Table"))


class HelpDialog(Dialog[None]):
    """Scrolls; closes with the key that opened it."""

    DEFAULT_CSS = """
    HelpDialog > Vertical {
        width: 92;
    }
    HelpDialog VerticalScroll {
        height: auto;
        max-height: 76vh;
        scrollbar-gutter: stable;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("help.close", "escape,question_mark,q,enter", "close", "close", "Close the help", show=True),
        key("help.down", "j,down", "scroll(1)", "down", "Scroll down", show=True),
        key("help.up", "k,up", "scroll(-1)", "up", "Scroll up", show=True),
    ]

    def __init__(self, title: str, text: str, lines: list[HelpLine]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._lines = lines

    @classmethod
    def of(cls, screen: Screen[object]) -> HelpDialog:
        """Help for a screen as it is now, with the focus where it is."""
        title = getattr(screen, "help_title", "") or type(screen).__name__.removesuffix("Screen")
        text = str(getattr(screen, "HELP", "")).strip()
        return cls(title, text, help_lines(screen, screen.app))

    def title_text(self) -> str:
        """The name of the screen."""
        return f"Help: {self._title}"

    def body(self) -> list[Widget]:
        """The text of the screen, then the keys by where they belong."""
        return [VerticalScroll(Static(Content("\n").join(self._content())), can_focus=False)]

    def _content(self) -> Iterator[Content]:
        if self._text:
            yield Content(self._text)
            yield Content("")
        width = min(24, max((len(line.keys) for line in self._lines), default=0))
        group = ""
        for line in self._lines:
            if line.group != group:
                if group:
                    yield Content("")
                group = line.group
                yield Content.styled(group, "bold $accent")
            tone = "" if line.enabled else " 50%"
            yield Content.assemble(
                ("  " + line.keys.ljust(width), f"bold $primary{tone}"),
                "  ",
                (line.text, f"$foreground{tone}"),
            )
        yield Content("")

    def action_scroll(self, lines: int) -> None:
        """Scrolls the text."""
        self.query_one(VerticalScroll).scroll_relative(y=lines * 3, animate=False)

    def action_close(self) -> None:
        """Closes the help."""
        self.dismiss()
