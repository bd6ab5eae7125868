"""The half of the table that talks to the database: what was asked, what came, what is still wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from textual.message import Message
from textual.scroll_view import ScrollView

from tui.reader import Asker
from tui.widgets.paged_table import questions
from tui.widgets.paged_table.pages import BLOCK, Key, Pages, Row
from tui.widgets.paged_table.questions import FirstPage, News, OpenSource, Wish

if TYPE_CHECKING:
    import sqlite3

    from storage.pages import Anchors, TableView
    from tui.app import CoinTraderApp

Answer = TypeVar("Answer")

SLOW_SECONDS = 0.25
"""After so long it is said that something is being read; before, it would only flicker."""


@dataclass(frozen=True)
class Place:
    """A row to go to: its key, its id, and the column of the cursor stays."""

    key: Key
    row_id: int


class LoadingTable(ScrollView, can_focus=True):
    """Keeps the rows around the cursor in memory; `begin` shows something else.

    While a new wish is being answered the old rows stay on the screen; if it fails they stay too, and the
    failure is said. Three connections: one for the pages at once, one for the anchors (and, when they are
    there, for every page: it holds the snapshot of keys that an order without an index needs), one for news.
    """

    class Changed(Message):
        """Something that a title line would say is different: count, news, sort, state."""

        def __init__(self, table: LoadingTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LoadingTable:
            """The table."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Only the newest state matters."""
            return isinstance(message, LoadingTable.Changed)

    class Refused(Message):
        """A filter could not be understood; the rows on the screen are those of the last good one."""

        def __init__(self, table: LoadingTable, error: Exception) -> None:
            super().__init__()
            self.table = table
            self.error = error

        @property
        def control(self) -> LoadingTable:
            """The table."""
            return self.table

    def __init__(self, view: str, *, sort: str = "", descending: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self.wish = Wish(view, "", sort, descending)
        self.pages = Pages()
        self.view: TableView | None = None
        self.arrived = 0
        self.failure = ""
        self.is_loading_rows = True
        self.is_slow = False
        self.total: int | None = None
        self._shown = self.wish
        self._up_to = 0
        self._revision = 0
        self._has_anchors = False
        self._in_flight: int | None = None
        self._asker: Asker | None = None
        self._open = {"page": OpenSource(), "anchors": OpenSource()}
        self._on_settled: Callable[[], None] | None = None
        self._place_on_arrival: Place | None = None

    # What the other half tells and is told

    def rows_replaced(self, *, keep_cursor: bool) -> None:
        """The rows are those of another wish; called after `pages` was exchanged."""

    def rows_added(self) -> None:
        """More rows are in memory, or the count is known."""

    def go_to(self, number: int) -> None:
        """Puts the cursor on a row."""
        raise NotImplementedError

    def current_row(self) -> Row | None:
        """The row at the cursor."""
        raise NotImplementedError

    def visible_rows(self) -> tuple[int, int]:
        """The numbers of the first and the last row on the screen."""
        raise NotImplementedError

    @property
    def console(self) -> CoinTraderApp:
        """The application, with its own type."""
        return cast("CoinTraderApp", self.app)

    # What screens call

    @property
    def count_text(self) -> str:
        """How many rows there are, as far as is known, and of how many where a filter is in force."""
        if self.pages.count is not None:
            of_all = f" of {self.total:,}" if self._shown.filter and self.total is not None else ""
            return f"{self.pages.count:,}{of_all}"
        return f"at least {self.pages.at_least:,}" if self.pages.at_least else "counting"

    def begin(self, wish: Wish, *, keep: Row | None = None) -> None:
        """Shows `wish` as soon as its first page is there; `keep` is the row to find again in it."""
        self.wish = wish
        self.is_loading_rows = True
        self.is_slow = False
        self.set_timer(SLOW_SECONDS, self._say_slow)
        self._place_on_arrival = Place((keep[-2], keep[-1]), keep[-1]) if keep is not None else None
        self._drop("page", "anchors", "news")
        self._in_flight = None
        self._ask(
            lambda connection: questions.first_page(connection, wish),
            lambda page: self._first_arrived(wish, page),
            "page",
            self._wish_failed,
        )

    def _say_slow(self) -> None:
        if self.is_loading_rows:
            self.is_slow = True
            self.post_message(self.Changed(self))

    def filter_by(self, text: str) -> None:
        """Shows the rows that pass a filter; posts Refused when it cannot be understood."""
        self.begin(replace(self.wish, filter=text))

    def reload(self) -> None:
        """Takes a new stable view; the cursor stays on its row unless it stands at the top."""
        row = self.current_row()
        first, _ = self.visible_rows()
        at_top = first == 0 and (row is None or self.pages.row(0) == row)
        self.begin(self.wish, keep=None if at_top else row)

    def look_for_news(self) -> None:
        """Counts what arrived since, and takes over what changed in the rows that are in memory."""
        if self.view is None or self.is_loading_rows:
            return
        wish, up_to, revision = self._shown, self._up_to, self._revision
        self._ask(
            lambda connection: questions.read_news(connection, wish, up_to, revision),
            self._news_arrived,
            "news",
            lambda _error: None,
        )

    def when_settled(self, then: Callable[[], None]) -> None:
        """Calls `then` once the count is known: at once, or when the anchors arrive."""
        if self.pages.count is not None:
            then()
        else:
            self._on_settled = then
            self.post_message(self.Changed(self))

    @property
    def waits_for_count(self) -> bool:
        """Whether a jump waits for the anchors."""
        return self._on_settled is not None

    def find(self, condition: str, *, backward: bool, nothing: Callable[[], None]) -> None:
        """Goes to the nearest row that meets a condition in the filter language, else calls `nothing`."""
        row = self.current_row()
        if row is None:
            return
        wish, up_to = self._shown, self._up_to
        key: Key = (row[-2], row[-1])

        def found(match: Row | None) -> None:
            if match is None:
                nothing()
            else:
                self._find_place(Place((match[-2], match[-1]), match[-1]))

        self._ask(
            lambda connection: questions.next_match(
                connection, wish, up_to, key, condition, backward=backward
            ),
            found,
            "news",
            self._page_failed,
        )

    def read_wanted(self) -> None:
        """Asks for the next block that the screen needs, if there is one and none is on its way."""
        if self.view is None or self.is_loading_rows:
            return
        block = self.pages.wanted(*self.visible_rows())
        if block is None or block == self._in_flight:
            return
        self._read(block, lambda: None)

    # How answers are taken

    def _read(self, block: int, then: Callable[[], None]) -> None:
        self._in_flight = block
        pages, wish, up_to = self.pages, self._shown, self._up_to
        start, follows = pages.start(block), pages.follows(block)
        group = "anchors" if self._has_anchors else "page"
        opened = self._open[group]

        def arrived(rows: list[Row]) -> None:
            if pages is not self.pages:
                return
            self._in_flight = None
            pages.store(block, rows)
            self.rows_added()
            then()
            self.read_wanted()

        self._ask(
            lambda connection: questions.read_block(
                opened.of(connection, wish, up_to), block, start, follows
            ),
            arrived,
            group,
            self._page_failed,
        )

    def _first_arrived(self, wish: Wish, page: FirstPage) -> None:
        self.view = page.view
        self.wish = self._shown = replace(wish, sort=page.sort, descending=page.descending)
        self._up_to, self._revision = page.up_to, page.revision
        self.pages = Pages()
        self.pages.store(0, page.rows)
        self.arrived = 0
        self.failure = ""
        self.is_loading_rows = False
        self._has_anchors = False
        self._on_settled = None
        place, self._place_on_arrival = self._place_on_arrival, None
        self.rows_replaced(keep_cursor=place is not None)
        if self.pages.count is None:
            self._ask_anchors()
        if place is not None:
            self._find_place(place)
        self.read_wanted()
        self._keep_total()
        self.post_message(self.Changed(self))

    def _keep_total(self) -> None:
        if not self._shown.filter and self.pages.count is not None:
            self.total = self.pages.count

    def _ask_anchors(self) -> None:
        pages, wish, up_to, opened = self.pages, self._shown, self._up_to, self._open["anchors"]

        def arrived(anchors: Anchors) -> None:
            if pages is not self.pages:
                return
            pages.settle(anchors.count, anchors.keys)
            self._has_anchors = True
            self._in_flight = None
            self.rows_added()
            then, self._on_settled = self._on_settled, None
            if then is not None:
                then()
            self.read_wanted()
            self._keep_total()
            self.post_message(self.Changed(self))

        self._ask(
            lambda connection: questions.read_anchors(opened.of(connection, wish, up_to)),
            arrived,
            "anchors",
            self._page_failed,
        )

    def _find_place(self, place: Place) -> None:
        block = self.pages.block_of(place.key, self._shown.descending)
        if block is None:
            self.when_settled(lambda: self._find_place(place))
            return

        def look() -> None:
            number = self.pages.number_of(place.row_id, block)
            self.go_to(block * BLOCK if number is None else number)

        if self.pages.row(block * BLOCK) is not None:
            look()
        else:
            self._read(block, look)

    def _news_arrived(self, news: News) -> None:
        self._revision = news.revision
        if self.pages.replace(news.changed):
            self.rows_added()
        if news.arrived != self.arrived or news.changed:
            self.arrived = news.arrived
            self.post_message(self.Changed(self))

    def _wish_failed(self, error: Exception) -> None:
        from storage.errors import FilterError

        self.is_loading_rows = False
        if isinstance(error, FilterError):
            self.wish = self._shown
            self.post_message(self.Refused(self, error))
            self.post_message(self.Changed(self))
        else:
            self._page_failed(error)

    def _page_failed(self, error: Exception) -> None:
        self._in_flight = None
        self.failure = f"{type(error).__name__}: {error}"
        self.console.write_log(error)
        self.rows_added()
        self.post_message(self.Changed(self))

    def _ask(
        self,
        question: Callable[[sqlite3.Connection], Answer],
        then: Callable[[Answer], None],
        group: str,
        failed: Callable[[Exception], None],
    ) -> None:
        if self._asker is None:
            self._asker = Asker(self, self.console.gate)
        self._asker.ask(question, then, group=group, failed=failed)

    def _drop(self, *groups: str) -> None:
        if self._asker is not None:
            for group in groups:
                self._asker.drop(group)

    def on_unmount(self) -> None:
        """Closes the connections."""
        if self._asker is not None:
            self._asker.close()
