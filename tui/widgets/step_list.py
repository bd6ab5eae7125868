"""The two parts of the step browser that show where one is: the steps around, and the curve of the loss."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tui.widgets.chart.chart import Chart


class StepList(Widget, can_focus=True):
    """Lines that a pure function made, the first of them a head; a click tells which one."""

    ALLOW_SELECT = False

    class Clicked(Message):
        """A line was clicked, counted from the first below the head."""

        def __init__(self, line: int) -> None:
            super().__init__()
            self.line = line

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.add_class("panel")
        self.border_title = f" {title} "
        self._content = Content("")

    @property
    def text(self) -> str:
        """What is shown, without its colours."""
        return self._content.plain

    @property
    def room(self) -> int:
        """How many lines fit below the head."""
        return max(1, self.content_size.height - 1)

    def show(self, content: Content) -> None:
        """Replaces the lines."""
        self._content = content
        self.refresh()

    def render(self) -> Content:
        """The lines as they are."""
        return self._content

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Whatever room there is is used."""
        return container.height

    def on_click(self, event: events.Click) -> None:
        """Tells which line."""
        place = event.get_content_offset(self)
        if place is not None and place.y >= 1:
            self.post_message(self.Clicked(place.y - 1))

    class Scrolled(Message):
        """The wheel was turned by so many steps."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """A step on."""
        event.stop()
        self.post_message(self.Scrolled(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """A step back."""
        event.stop()
        self.post_message(self.Scrolled(-1))


class StepCurve(Chart):
    """A chart whose crosshair is the step that is shown: it moves by key and click, not by passing over."""

    FOLLOWS_MOUSE = False

    def on_click(self, event: events.Click) -> None:
        """To the step under the mouse."""
        self.point_at(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to the screen: the crosshair is never taken away."""
        return action != "clear"
