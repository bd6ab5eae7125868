"""What an empty workspace offers: bundled real candles, and a countdown that a key stops."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.keys import key


class OfferDialog(Dialog[bool]):
    """True when the workspace shall be filled, now or because the countdown ran out."""

    TITLE_TEXT = "This workspace is empty"
    DEFAULT_CSS = """
    OfferDialog #countdown {
        margin-top: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("offer.accept", "enter,y", "answer(True)", "fill it now", "Start without waiting", show=True),
        key(
            "offer.decline", "escape,n", "answer(False)", "stay empty", "Leave the workspace empty", show=True
        ),
    ]

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self._seconds = seconds
        self._left = seconds

    @property
    def left(self) -> int:
        """Seconds until the offer accepts itself."""
        return self._left

    def body(self) -> list[Widget]:
        """What will happen, and when."""
        what = Content.assemble(
            "It can fill itself with real market data that is part of this program: ",
            ("BTC/USDT", "bold"),
            " and ",
            ("ETH/USDT", "bold"),
            ", 5-minute candles of 2024. In about two minutes you will see\n\n",
            ("  1 ", "$accent"),
            "candles imported and checked\n",
            ("  2 ", "$accent"),
            "two strategies: signals, rejections, positions, rewards\n",
            ("  3 ", "$accent"),
            "the first two models trained on the result, curves live\n\n",
            ("Nothing leaves this machine.", "$quiet"),
        )
        return [Static(what), Static(id="countdown")]

    def on_mount(self) -> None:
        """Counts down, one second at a time."""
        self._say()
        if self._left <= 0:
            self.dismiss(True)
        else:
            self.set_interval(1.0, self.tick)

    def tick(self) -> None:
        """A second has passed."""
        self._left -= 1
        if self._left <= 0:
            self.dismiss(True)
        else:
            self._say()

    def _say(self) -> None:
        symbols = getattr(self.app, "symbols", None)
        full, empty = (symbols.full, symbols.empty) if symbols else ("=", "-")
        width = 30
        gone = width - round(width * self._left / max(self._seconds, 1))
        unit = "second" if self._left == 1 else "seconds"
        self.query_one("#countdown", Static).update(
            Content.assemble(
                (full * gone, "$accent"),
                (empty * (width - gone), "$rule"),
                f"  begins in {self._left} {unit}",
            )
        )

    def action_answer(self, answer: bool) -> None:
        """Closes with the answer."""
        self.dismiss(answer)
