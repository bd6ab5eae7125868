"""A table over any number of rows: it holds the pages around the cursor and asks SQLite for the rest.

`pages` (the cache), `questions` (what is asked, in a thread), `formats` (values to text), `layout` (which
columns where) and `paint` (text to strips) know nothing of widgets and are tested without one; `table` is
the widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.widgets.paged_table.table import PagedTable

__all__ = ["PagedTable"]


def __getattr__(name: str) -> object:
    if name == "PagedTable":
        from tui.widgets.paged_table.table import PagedTable

        return PagedTable
    raise AttributeError(name)
