"""Fields of a form: a name, a value that is typed or chosen, and what it means or what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.widgets.choice_line import ChoiceLine


class FormField(Horizontal):
    """A line of a form; `entry` is where the keys go."""

    def __init__(self, name: str, entry: Widget) -> None:
        super().__init__()
        self.named = name
        self.entry = entry
        self.problem = ""
        self._words = Static(classes="words")

    def compose(self) -> list[Widget]:
        """One line."""
        return [Static(Content(self.named), classes="name"), self.entry, self._words]

    @property
    def value(self) -> str:
        """What it says."""
        raise NotImplementedError

    def say(self, words: str, problem: str = "") -> None:
        """What the value means, or why it is refused."""
        self.problem = problem
        symbols = getattr(self.app, "symbols", None)
        cross = symbols.cross if symbols else "x"
        self._words.update(Content(f"{cross} {problem}" if problem else words))
        self._words.set_class(bool(problem), "-wrong")
        self.entry.set_class(bool(problem), "-wrong")


class TextField(FormField):
    """A value that is typed."""

    def __init__(self, name: str, value: str = "", *, placeholder: str = "") -> None:
        self.input = Input(
            value, placeholder=placeholder, id=f"field-{name}", compact=True, select_on_focus=True
        )
        super().__init__(name, self.input)

    @property
    def value(self) -> str:
        """What stands in it."""
        return self.input.value.strip()


class WordField(FormField):
    """One of a few words, turned over by the arrows."""

    def __init__(self, name: str, choices: Sequence[str], value: str = "") -> None:
        self.line = ChoiceLine(choices, value or choices[0], id=f"field-{name}")
        super().__init__(name, self.line)

    @property
    def value(self) -> str:
        """The chosen word."""
        return self.line.value
