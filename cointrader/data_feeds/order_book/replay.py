"""Playing a recorded stream into a book, with its sequence numbers checked.

The rule for joining a snapshot with the updates around it is the exchange's: drop updates that end before
the snapshot; the first one applied must reach over it; from then on each update names the one before it
(`pu` equals the previous `u`). A break means that something was lost, and the book is not believed until the
next snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cointrader.data_feeds.order_book.book import OrderBook
from cointrader.data_feeds.order_book.stream import DepthSnapshot, DepthUpdate, Message

MOST_WAITING = 10_000


@dataclass(frozen=True)
class SequenceBreak:
    """Where the updates stopped being contiguous."""

    line: int
    expected_id: int
    got_id: int


@dataclass
class DepthReplay:
    """A book and how far it has been believed.

    `applied` counts updates in the book; `stale` those that ended before a snapshot; `waiting` those that
    came while there was no book to apply them to. Of these the newest `MOST_WAITING` are kept for the
    snapshot that may follow: it can only lie among the last ones.
    """

    book: OrderBook = field(default_factory=OrderBook)
    synchronised: bool = False
    applied: int = 0
    stale: int = 0
    waiting: int = 0
    breaks: list[SequenceBreak] = field(default_factory=list)
    _last_id: int = 0
    _joined: bool = False
    _early: deque[DepthUpdate] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))

    def play(self, messages: Iterable[Message]) -> Iterator[tuple[Message, OrderBook]]:
        """Each message with the book as it stands after it; the book is the same object every time."""
        for message in messages:
            if isinstance(message, DepthUpdate):
                self.update(message)
            elif isinstance(message, DepthSnapshot):
                self.snapshot(message)
            yield message, self.book

    def resume(self, last_id: int) -> None:
        """Believe the book as it stands, as of update `last_id`: the stream goes on where another ended."""
        self._last_id, self._joined, self.synchronised = last_id, True, True

    @property
    def last_id(self) -> int:
        """The last update that is in the book."""
        return self._last_id

    def snapshot(self, snapshot: DepthSnapshot) -> None:
        """Start again from a whole book, then catch up with the updates that were already heard."""
        self.book.clear()
        self.book.apply(snapshot.bids, snapshot.asks)
        self._last_id, self._joined, self.synchronised = snapshot.last_update_id, False, True
        early, self._early = self._early, deque(maxlen=MOST_WAITING)
        for update in early:
            self.waiting -= 1
            self.update(update)

    def update(self, update: DepthUpdate) -> bool:
        """Apply one update; False when it was too old, came too early, or broke the sequence."""
        if not self.synchronised:
            self._early.append(update)
            self.waiting += 1
            return False
        if not self._joined:
            if update.last_id < self._last_id:
                self.stale += 1
                return False
            if update.first_id > self._last_id + 1:
                return self._break(update)
            self._joined = True
        elif update.previous_id != self._last_id:
            return self._break(update)
        self.book.apply(update.bids, update.asks)
        self._last_id = update.last_id
        self.applied += 1
        return True

    def _break(self, update: DepthUpdate) -> bool:
        self.breaks.append(SequenceBreak(update.line, self._last_id, update.previous_id))
        self.synchronised = False
        self._early.clear()
        self._early.append(update)
        self.waiting += 1
        return False
