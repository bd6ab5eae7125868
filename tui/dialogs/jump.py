"""Jump mode: a letter at every pane that can have the focus; the letter moves it there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.keys import key

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class JumpOverlay(ModalScreen[None]):
    """Lies over a screen without hiding it; a letter that marks nothing, or escape, changes nothing."""

    DEFAULT_CSS = """
    JumpOverlay {
        background: $background 30%;
        Static {
            position: absolute;
            width: 3;
            height: 1;
            background: $accent;
            color: $background;
            text-style: bold;
            text-align: center;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("jump.leave", "escape,ctrl+j", "leave", "leave", "Leave the focus where it is", show=True),
    ]

    def __init__(self, targets: dict[str, Widget]) -> None:
        super().__init__()
        self.targets = targets

    @classmethod
    def over(cls, screen: Screen[object]) -> JumpOverlay:
        """Letters for everything on a screen that can have the focus, from the top left on."""
        focusable = [widget for widget in screen.focus_chain if widget.region.area]
        ordered = sorted(focusable, key=lambda widget: (widget.region.y, widget.region.x))
        return cls(dict(zip(LETTERS, ordered, strict=False)))

    def compose(self) -> ComposeResult:
        """A mark in the corner of each target."""
        for letter, widget in self.targets.items():
            mark = Static(letter, markup=False)
            mark.styles.offset = (widget.region.x, widget.region.y)
            yield mark

    def on_key(self, event: events.Key) -> None:
        """Moves the focus, or does nothing."""
        if event.key in ("escape", "ctrl+j"):
            return
        event.stop()
        target = self.targets.get(event.character or "")
        self.dismiss()
        if target is not None:
            target.focus()

    def action_leave(self) -> None:
        """Leaves the focus where it is."""
        self.dismiss()
