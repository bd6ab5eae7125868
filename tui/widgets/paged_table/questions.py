"""What a table asks of the database; every function here runs in a thread, with a connection.

Storage is imported inside, by the thread, so that the console paints before anything is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui.widgets.paged_table.pages import BLOCK, Key, Row

if TYPE_CHECKING:
    import sqlite3

    from storage.pages import Anchors, PageSource, TableView


@dataclass(frozen=True)
class Wish:
    """What the operator wants to see: a view, a filter, an order. An empty `sort` is the view's own."""

    view: str
    filter: str = ""
    sort: str = ""
    descending: bool = True


@dataclass(frozen=True)
class FirstPage:
    """The first answer to a wish: what the view is, its first rows, and where the stable view ends."""

    view: TableView
    sort: str
    descending: bool
    rows: list[Row]
    up_to: int
    revision: int


@dataclass(frozen=True)
class News:
    """What happened since: how many rows arrived, and those that changed."""

    arrived: int
    changed: list[Row]
    revision: int


@dataclass
class OpenSource:
    """The source that belongs to a connection, kept between questions: it may hold a snapshot of keys."""

    wish: Wish | None = None
    up_to: int = 0
    source: PageSource | None = field(default=None, repr=False)

    def of(self, connection: sqlite3.Connection, wish: Wish, up_to: int | None) -> PageSource:
        """The source for a wish, the one that is open if it fits."""
        if self.source is not None and self.wish == wish and self.up_to == up_to:
            return self.source
        if self.source is not None:
            self.source.close()
            self.source = None
        source = make_source(connection, wish, up_to)
        if up_to is not None:
            self.wish, self.up_to, self.source = wish, up_to, source
        return source


def make_source(connection: sqlite3.Connection, wish: Wish, up_to: int | None) -> PageSource:
    """A page source for a wish. Raises FilterError for a filter that cannot be understood."""
    from storage.filters import compile_filter
    from storage.pages import PageSource, Sort, get_view

    view = get_view(wish.view)
    compiled = compile_filter(wish.filter, view) if wish.filter.strip() else None
    sortable = {column.name for column in view.columns if column.sortable}
    sort = Sort(wish.sort, wish.descending) if wish.sort in sortable else view.default_sort
    return PageSource(connection, view, compiled, sort, up_to=up_to)


def first_page(connection: sqlite3.Connection, wish: Wish) -> FirstPage:
    """The first block, as of now."""
    probe = make_source(connection, wish, None)
    up_to, revision = probe.newest_id(), read_revision(connection)
    source = make_source(connection, wish, up_to)
    rows = source.first(BLOCK)
    return FirstPage(source.view, source.sort.column, source.sort.descending, rows, up_to, revision)


def read_block(source: PageSource, block: int, start: Key | None, follows: Key | None) -> list[Row]:
    """A block by the key of its first row, or by that of the row before it; block 0 needs neither."""
    if start is not None:
        return source.at_anchor(start, BLOCK)
    if follows is not None:
        return source.after(follows, BLOCK)
    return source.first(BLOCK) if block == 0 else []


def read_anchors(source: PageSource) -> Anchors:
    """The count and the start of every block; seconds at many millions of rows, and interruptible."""
    return source.anchors(BLOCK)


def read_news(connection: sqlite3.Connection, wish: Wish, up_to: int, revision: int) -> News:
    """What arrived and what changed since a stable view was taken."""
    source = make_source(connection, wish, up_to)
    now = read_revision(connection)
    changed = source.changed_since(revision) if now != revision else []
    return News(source.new_since(up_to), changed, now)


def next_match(
    connection: sqlite3.Connection, wish: Wish, up_to: int, key: Key, condition: str, *, backward: bool
) -> Row | None:
    """The nearest row after (or before) a key that also meets a condition in the filter language."""
    both = f"({wish.filter}) {condition}" if wish.filter.strip() else condition
    source = make_source(connection, Wish(wish.view, both, wish.sort, wish.descending), up_to)
    found = source.before(key, 1) if backward else source.after(key, 1)
    return found[0] if found else None


def read_revision(connection: sqlite3.Connection) -> int:
    """The newest revision of the database."""
    return int(connection.execute("SELECT value FROM revision").fetchone()[0])
