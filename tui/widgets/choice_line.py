"""One of a few words, turned over by the arrows: nothing can be mistyped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.keys import key
from tui.symbols import UNICODE


class ChoiceLine(Widget, can_focus=True):
    """`< profitable >`; posts Changed when another one is chosen."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ChoiceLine {
        height: 1;
        background: $panel;
        &:focus {
            background: $cursor-background;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("choice.next", "right,space,l", "turn(1)", "choice", "The next of the choices", show=True),
        key("choice.previous", "left,h", "turn(-1)", "choice before", "The choice before"),
    ]

    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another word was chosen."""

        def __init__(self, line: ChoiceLine, value: str) -> None:
            super().__init__()
            self.line = line
            self.value = value

        @property
        def control(self) -> ChoiceLine:
            """The line."""
            return self.line

    def __init__(self, choices: Sequence[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = tuple(choices)
        self.set_reactive(ChoiceLine.value, value if value in self.choices else self.choices[0])

    def choose_from(self, choices: Sequence[str]) -> None:
        """Offer other words; the chosen one stays where it is still among them."""
        self.choices = tuple(choices)
        if self.value not in self.choices:
            self.value = self.choices[0]

    def render(self) -> Content:
        """The word between the signs of the keys that turn it over."""
        plain = getattr(self.app, "symbols", UNICODE).name == "ascii"
        left, right = ("<", ">") if plain else ("‹", "›")
        return Content.assemble((f" {left} ", "$quiet"), (self.value, "bold"), (f" {right}", "$quiet"))

    def watch_value(self, value: str) -> None:
        """Tells whoever listens."""
        self.post_message(self.Changed(self, value))

    def action_turn(self, by: int) -> None:
        """Another one."""
        at = self.choices.index(self.value) if self.value in self.choices else 0
        self.value = self.choices[(at + by) % len(self.choices)]

    def on_click(self, event: events.Click) -> None:
        """A click turns it over too."""
        event.stop()
        self.focus()
        self.action_turn(1)
