"""The line in which a filter is written, and the line below it that helps: errors, completions, grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from tui.keys import key
from tui.reader import Asker

if TYPE_CHECKING:
    import sqlite3

    from storage.filters import Completion
    from tui.app import CoinTraderApp

GRAMMAR = 'symbol:btc side:long pnl>0 since:7d !strategy:grid "free text" a | b'
SETTLE_SECONDS = 0.15
"""How long the typing must rest before the table is asked."""


class FilterInput(Input):
    """An input whose tab completes instead of leaving."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key(
            "filter.complete",
            "tab",
            "complete",
            "complete",
            "Complete the field or value",
            show=True,
            priority=True,
        ),
        key("filter.keep", "enter", "submit", "keep", "Keep the filter and go back to the table", show=True),
        key("filter.undo", "escape", "undo", "undo", "Go back to the filter before", show=True),
        key("filter.clear", "ctrl+l", "clear_filter", "clear", "Show all rows", show=True),
    ]

    class Undone(Message):
        """Escape was pressed."""

    class Completing(Message):
        """Tab was pressed."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Every printable key is text here; Textual knows no character for the key of the slash."""
        return key == "slash" or super().check_consume_key(key, character)

    def action_complete(self) -> None:
        """Asks for completions."""
        self.post_message(self.Completing())

    def action_undo(self) -> None:
        """Leaves, and undoes what was typed."""
        self.post_message(self.Undone())

    def action_clear_filter(self) -> None:
        """Empties the line."""
        self.value = ""


class FilterBar(Vertical):
    """Opens over a table. Posts Edited while typing rests, Closed when the operator is done.

    The table answers with `show_error` or `show_good`; an error marks its place under the text, and what
    was last good stays in the table.
    """

    DEFAULT_CSS = """
    FilterBar {
        height: 2;
        background: $surface;
        display: none;
        &.-open { display: block; }
        Horizontal { height: 1; }
        .prompt { width: 3; color: $accent; text-style: bold; background: $surface; }
        FilterInput { width: 1fr; }
        #filter-help { height: 1; padding: 0 0 0 3; color: $quiet; background: $surface; text-wrap: nowrap; }
    }
    """

    class Edited(Message):
        """The text changed and rests; an empty one shows all rows."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def can_replace(self, message: Message) -> bool:
            """Only the newest text counts."""
            return isinstance(message, FilterBar.Edited)

    class Closed(Message):
        """The operator went back to the table."""

    def __init__(self, view: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._before = ""
        self._sent = ""
        self._timer: Timer | None = None
        self._asker: Asker | None = None
        self._offers: list[Completion] = []
        self._offered = -1
        self._base = ""
        self._has_error = False

    def compose(self) -> ComposeResult:
        """The prompt and the input; below them the help."""
        with Horizontal():
            yield Static(" / ", classes="prompt")
            yield FilterInput(select_on_focus=False, compact=True)
        yield Static(Content(GRAMMAR), id="filter-help")

    @property
    def text(self) -> str:
        """The filter as it stands in the line."""
        return self.query_one(FilterInput).value

    @property
    def is_open(self) -> bool:
        """Whether the line is on the screen."""
        return self.has_class("-open")

    def open(self, text: str) -> None:
        """Shows the line with the filter that is in force."""
        self._before = self._sent = text
        self.add_class("-open")
        field = self.query_one(FilterInput)
        field.value = text
        field.cursor_position = len(text)
        field.focus()
        self._help(Content(GRAMMAR))

    def show_good(self, text: str) -> None:
        """The table shows the rows of `text`; an error of that text is over."""
        if self._has_error and text == self.text:
            self._has_error = False
            self._help(Content(GRAMMAR))

    def show_error(self, message: str, position: int, length: int) -> None:
        """Marks the place of an error under the text."""
        scroll = round(self.query_one(FilterInput).scroll_offset.x)
        text = marked(message, max(0, position - scroll), length, self.size.width - 4)
        self._has_error = True
        self._help(Content.styled(text, "$error"))

    def _help(self, content: Content) -> None:
        self.query_one("#filter-help", Static).update(content)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if not self._is_offered(event.value):
            self._offers = []
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SETTLE_SECONDS, self._rested)

    def _rested(self) -> None:
        if self.is_open and self.text != self._sent:
            self._sent = self.text
            self.post_message(self.Edited(self._sent))

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self._rested()
        self._close()

    @on(FilterInput.Undone)
    def _undone(self, event: FilterInput.Undone) -> None:
        event.stop()
        if self._sent != self._before:
            self.post_message(self.Edited(self._before))
        self._close()

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self.remove_class("-open")
        self.post_message(self.Closed())

    # Completion

    @on(FilterInput.Completing)
    def _complete(self, event: FilterInput.Completing) -> None:
        event.stop()
        if self._offers:
            self._offer((self._offered + 1) % len(self._offers))
            return
        app = cast("CoinTraderApp", self.app)
        if self._asker is None:
            self._asker = Asker(self, app.gate)
        field = self.query_one(FilterInput)
        text, cursor, view_name = field.value, field.cursor_position, self._view

        def ask(connection: sqlite3.Connection) -> list[Completion]:
            from storage.filters import complete
            from storage.pages import get_view

            return complete(text, cursor, get_view(view_name), connection)

        self._asker.ask(
            ask,
            self._arrived,
            group="complete",
            failed=lambda error: app.report_error(error, "completing a filter"),
        )

    def _arrived(self, offers: list[Completion]) -> None:
        if not offers:
            self._help(Content.styled("nothing known begins like this", "$quiet"))
            return
        self._offers = offers
        self._base = self.text
        self._offer(0)
        if len(offers) == 1:
            self._offers = []

    def _offer(self, number: int) -> None:
        self._offered = number
        offer = self._offers[number]
        field = self.query_one(FilterInput)
        field.value = self._with(offer)
        field.cursor_position = offer.start + len(offer.text)
        names = [
            (f" {item.text} ", "reverse" if place == number else "$foreground")
            for place, item in enumerate(self._offers)
        ]
        # The chosen one and what follows stay in sight, however many there are.
        first = max(0, number - 3)
        self._help(Content.assemble(*names[first : first + 12], (f"  {offer.label}", "$quiet")))

    def _with(self, offer: Completion) -> str:
        return self._base[: offer.start] + offer.text + self._base[offer.end :]

    def _is_offered(self, value: str) -> bool:
        return bool(self._offers) and value == self._with(self._offers[self._offered])

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """Leaving the line by mouse keeps what is written."""
        if self.is_open and not self.query_one(FilterInput).has_focus:
            self._rested()
            self._close()

    def on_unmount(self) -> None:
        """Closes the connection."""
        if self._asker is not None:
            self._asker.close()


def marked(message: str, at: int, length: int, room: int) -> str:
    """A line of `room` cells with carets under the place of an error, and its words where there is room.

    They stand behind the carets, or before them when the place is far to the right.
    """
    carets = "^" * max(1, min(length, room - at, 40))
    behind = room - at - len(carets) - 1
    if behind >= min(len(message), room // 2):
        return f"{' ' * at}{carets} {_cut(message, behind)}"
    return f"{_cut(message, at - 1).ljust(at)}{carets}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."
