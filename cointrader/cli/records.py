"""`cointrader signals`, `rejections` and `positions`: the console's tables, with its filters, as text.

The same views, filters and pages as in the console, read page by page: `| head` costs one page, and an
export of everything never holds more than one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from cointrader.cli.formats import cell
from cointrader.cli.output import print_csv, print_json_array, print_json_lines, print_table
from cointrader.cli.place import opened

if TYPE_CHECKING:
    from storage.filters import CompiledFilter
    from storage.pages.keyset import PageSource
    from storage.pages.view import Sort, TableView

PAGE_ROWS = 1000
SHOWN_ROWS = 50
RESULTS = frozenset({"pnl", "return", "reward", "hold", "mae", "mfe"})
"""The columns of a position that its close decides."""

Row = tuple[Any, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="as in the console, for example 'symbol:btc side:long pnl>0 since:7d' (quote it)",
    )
    parser.add_argument(
        "--sort", default="", metavar="COLUMN", help="with - before it downwards, with + upwards: --sort=-pnl"
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=f"print so many rows (default {SHOWN_ROWS} for people, all of them for --json, --jsonl, --csv)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON array of objects")
    form.add_argument("--jsonl", action="store_true", help="one JSON object a line")
    form.add_argument("--csv", action="store_true", help="CSV with a header")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print the rows of one table."""
    from storage.pages.keyset import PageSource
    from storage.pages.views import get_view

    view = get_view(arguments.command)
    sort = _sort(view, arguments)
    if arguments.limit is not None and arguments.limit < 0:
        arguments.usage_error("--limit must be 0 or more")
    with opened(arguments.workspace) as place:
        chosen = _filter(arguments.filter, view)
        source = PageSource(place.connection, view, chosen, sort)
        rows = islice(every_row(source), arguments.limit)
        if arguments.json:
            print_json_array(record(view, row) for row in rows)
        elif arguments.jsonl:
            print_json_lines(record(view, row) for row in rows)
        elif arguments.csv:
            print_csv(keys(view), (row[: len(view.columns)] for row in rows))
        else:
            _print_for_people(source, view, arguments.limit)
    return 0


def every_row(source: PageSource) -> Iterator[Row]:
    """All rows in order, read a page at a time."""
    if source.scans:
        source.anchors()
    page = source.first(PAGE_ROWS)
    while page:
        yield from page
        if len(page) < PAGE_ROWS:
            return
        page = source.after(page[-1][-2:], PAGE_ROWS)


def keys(view: TableView) -> list[str]:
    """The names of the columns; what is in milliseconds says so."""
    from storage.pages.view import Kind

    timed = {Kind.TIME, Kind.DURATION}
    return [f"{column.name}_ms" if column.kind in timed else column.name for column in view.columns]


def record(view: TableView, row: Row) -> dict[str, Any]:
    """One row as an object; times are UTC milliseconds, contributions an object."""
    from storage.pages.view import Kind

    values = [
        json.loads(value) if column.kind is Kind.MODELS else value
        for column, value in zip(view.columns, row, strict=False)
    ]
    return dict(zip(keys(view), values, strict=True))


def _filter(text: str, view: TableView) -> CompiledFilter:
    """The compiled filter; the error of one that cannot be understood shows where."""
    from storage.errors import FilterError
    from storage.filters import compile_filter

    try:
        return compile_filter(text, view)
    except FilterError as error:
        error.add_note(f"  {text}\n  {' ' * error.position}{'^' * max(1, error.length)}")
        raise


def _print_for_people(source: PageSource, view: TableView, limit: int | None) -> None:
    shown = SHOWN_ROWS if limit is None else limit
    rows = list(islice(every_row(source), shown))
    header = [column.label for column in view.columns]
    body = [_cells(view, row) for row in rows]
    if not rows:
        print(
            f"no {view.name} pass the filter" if source.filter and source.filter.text else f"no {view.name}"
        )
        return
    print_table(header, body, right=[column.align == "right" for column in view.columns])
    total = source.count()
    if total > len(rows):
        print(f"{len(rows):,} of {total:,}; --limit shows more, --json, --jsonl and --csv print all")


def _cells(view: TableView, row: Row) -> list[str]:
    """The texts of a row; a position that is not closed has no results yet, and 0 would say that it has."""
    values = dict(zip((column.name for column in view.columns), row, strict=False))
    is_held = view.name == "positions" and values["state"] != "closed"
    return [
        "" if is_held and column.name in RESULTS else cell(column.kind, values[column.name])
        for column in view.columns
    ]


def _sort(view: TableView, arguments: argparse.Namespace) -> Sort:
    from storage.pages.view import Sort

    text = arguments.sort
    if not text:
        return view.default_sort
    name = text.lstrip("+-")
    sortable = [column.name for column in view.columns if column.sortable]
    if name not in sortable:
        arguments.usage_error(f"--sort: {name!r} is not one of {', '.join(sortable)}")
    return Sort(name, descending=not text.startswith("+"))
