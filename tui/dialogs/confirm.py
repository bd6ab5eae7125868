"""The question before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.keys import key


class ConfirmDialog(Dialog[bool]):
    """Names the object and what will happen to it; `y` does it, `n` and `escape` do not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("confirm.yes", "y", "answer(True)", "yes", "Do it", show=True),
        key("confirm.no", "n,escape", "answer(False)", "no", "Leave everything as it is", show=True),
    ]

    def __init__(self, question: str, consequence: str = "") -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence

    def title_text(self) -> str:
        """What kind of dialog this is."""
        return "Are you sure?"

    def body(self) -> list[Widget]:
        """The question, and what follows from a yes."""
        lines: list[Widget] = [Static(Content.styled(self._question, "bold"))]
        if self._consequence:
            lines.append(Static(Content.styled(f"\n{self._consequence}", "$quiet")))
        return lines

    def action_answer(self, answer: bool) -> None:
        """Closes with the answer."""
        self.dismiss(answer)
