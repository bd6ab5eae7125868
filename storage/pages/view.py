"""What a browsed table is: its columns, how each is shown, sorted and filtered, and where it comes from.

A view is a declaration, not code: pages, anchors, filters, completion, export and the console all read
the same one. The SQL in it is written by us and is the allow-list: nothing that an operator types ever
becomes part of a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a value is written and read; the storage type follows from it."""

    TEXT = "text"
    SIDE = "side"
    STATE = "state"
    MODELS = "models"
    TIME = "time"
    DURATION = "duration"
    INTEGER = "integer"
    NUMBER = "number"
    PRICE = "price"
    MONEY = "money"
    PERCENT = "percent"
    REWARD = "reward"
    BYTES = "bytes"


TEXTUAL = frozenset({Kind.TEXT, Kind.SIDE, Kind.STATE, Kind.MODELS})
"""Kinds that are stored as text; the others are numbers."""


@dataclass(frozen=True)
class Column:
    """One column of a view.

    `sql` is an expression over the row, `t`, or over the view's joins (`joined`): joins are made only
    for the rows of a page, so a joined column cannot be sorted by, and is filtered by `filter_sql`, a
    scalar expression over `t` alone. `nullable` says that the value can be missing; missing values come
    last whatever the direction. `indexed` says that an index gives the order. PERCENT values are stored
    as fractions, TIME as UTC milliseconds, DURATION as milliseconds. `values` lists a closed set.
    """

    name: str
    label: str
    kind: Kind
    width: int
    sql: str
    help: str = ""
    sortable: bool = True
    filterable: bool = True
    nullable: bool = False
    indexed: bool = False
    joined: bool = False
    filter_sql: str = ""
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def align(self) -> str:
        """`left` for text, `right` for numbers."""
        return "left" if self.kind in TEXTUAL or self.kind is Kind.TIME else "right"


@dataclass(frozen=True)
class Field:
    """What a filter can ask for: a name, its other names, and a scalar expression over `t`."""

    name: str
    kind: Kind
    sql: str
    help: str = ""
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sort:
    """The order of a table: a column, its direction, then always the id in the same direction."""

    column: str
    descending: bool = True


@dataclass(frozen=True)
class TableView:
    """A browsed table.

    `text_sql` is what free text looks through; `text_table` is the trigram index of the same text, or
    empty. `since_sql` and `until_sql` compare the row's time with an instant written as {instant};
    `newest_sql` gives the newest time of the table, from which words as `since:7d` count back.
    `extra_fields` can be filtered by without being a column. `revised` tables have a `rev`.
    """

    name: str
    title: str
    table: str
    columns: tuple[Column, ...]
    default_sort: Sort
    text_sql: str
    since_sql: str
    until_sql: str
    newest_sql: str
    joins: str = ""
    text_table: str = ""
    extra_fields: tuple[Field, ...] = ()
    revised: bool = False

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError naming the known ones."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}; it has {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of a row's values."""
        return tuple(column.name for column in self.columns)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Everything that a filter can name, except `since` and `until`."""
        columns = tuple(
            Field(
                column.name,
                column.kind,
                column.filter_sql or column.sql,
                column.help or column.label,
                column.aliases,
                column.values,
            )
            for column in self.columns
            if column.filterable
        )
        return columns + self.extra_fields
