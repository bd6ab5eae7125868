"""A part of a screen: a thin rule with a title, and text below it."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class Panel(Widget):
    """Shows content that a pure function made; nothing is painted again that has not changed."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Panel {
        height: auto;
    }
    """

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.add_class("panel")
        self.border_title = f" {title} "
        self._content = Content("")

    @property
    def text(self) -> str:
        """What is shown, without its colours."""
        return self._content.plain

    def render(self) -> Content:
        """The content as it is."""
        return self._content

    def show(self, content: Content, *, title: str | None = None) -> None:
        """Replace the content, and the title if one is given."""
        if title is not None:
            self.border_title = f" {title} "
        if content.plain == self._content.plain and content.spans == self._content.spans:
            return
        changed_height = content.plain.count("\n") != self._content.plain.count("\n")
        self._content = content
        self.refresh(layout=changed_height)
