"""Pages of a view: any part of a filtered, sorted table, at about the cost of the rows in it.

A `PageSource` is one view, one filter, one order and one connection. Neighbours of a row are found by
its key; any row number by an anchor. Every read is one `fetchall`: no cursor stays open, so that a
reader never holds back the checkpoint of the write-ahead log. `Connection.interrupt()` from another
thread ends a read with sqlite3.OperationalError ("interrupted").

Where no index gives the order, where free text is searched, or where few rows pass, a page costs a scan.
`anchors()` therefore keeps the ordered keys of such a result in a temporary table of its connection, and
pages of the same source come from there afterwards.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from storage.pages.anchors import EVERY, Anchors, anchor_query, to_anchors
from storage.pages.order import Key, Order, Range, Row
from storage.pages.snapshot import Snapshot
from storage.pages.view import Column, Sort, TableView

if TYPE_CHECKING:
    from storage.filters.compile import CompiledFilter

FEW = 20_000
"""A filter that lets no more rows through has its keys kept, whatever indexes there are."""


class PageSource:
    """The rows of a view that pass a filter, in an order.

    `up_to` leaves out rows with a higher id: a table that stays as it is while rows arrive. A source may
    be used by one thread at a time; call `close()` when it is done with.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        view: TableView,
        filter: CompiledFilter | None = None,
        sort: Sort | None = None,
        *,
        up_to: int | None = None,
    ) -> None:
        self.connection = connection
        self.view = view
        self.filter = filter
        self.sort = sort or view.default_sort
        self.up_to = up_to
        column = view.column(self.sort.column)
        if not column.sortable:
            raise ValueError(f"{view.name} cannot be sorted by {column.name}")
        self._column: Column = column
        self._order = Order(column.sql, "t.id", self.sort.descending)
        if column.nullable:
            missing, present = f"{column.sql} IS NULL", f"{column.sql} IS NOT NULL"
            self._order = replace(self._order, missing=missing, present=present)
        self._snapshot: Snapshot | None = None

    @property
    def scans(self) -> bool:
        """Whether a page costs a pass over the table until `anchors()` has been read."""
        searched = self.filter is not None and self.filter.searches_text
        return self._snapshot is None and (searched or not self._column.indexed)

    def first(self, n: int) -> list[Row]:
        """The first n rows."""
        return self._read(None, n)

    def last(self, n: int) -> list[Row]:
        """The last n rows, in the order of the table."""
        return self._read(None, n, backward=True)

    def after(self, key: Key, n: int) -> list[Row]:
        """The n rows that follow a key; the row of the key need not exist any more."""
        return self._read(key, n)

    def before(self, key: Key, n: int) -> list[Row]:
        """The n rows that precede a key, in the order of the table."""
        return self._read(key, n, backward=True)

    def at_anchor(self, anchor: Key, n: int, *, skip: int = 0) -> list[Row]:
        """n rows from an anchor on, its own row included, after leaving out `skip`."""
        return self._read(anchor, n + skip, inclusive=True)[skip:]

    def at_row(self, anchors: Anchors, row_number: int, n: int) -> list[Row]:
        """n rows from a row number (counted from 0) on. Raises IndexError when there is no such row."""
        anchor, skip = anchors.before(row_number)
        return self.at_anchor(anchor, n, skip=skip)

    def anchors(self, every: int = EVERY) -> Anchors:
        """The count, and the key of every n-th row; seconds at millions of rows, and interruptible."""
        source, parameters = self._source()
        if self.scans:
            self._snapshot = Snapshot.take(self.connection, self._order, source, parameters)
        if self._snapshot is not None:
            return self._snapshot.anchors(every)
        wanted = FEW if self.filter is not None and self.filter.sql else 0
        sql = anchor_query(source, self._order)
        rows = self.connection.execute(sql, (*parameters, every, wanted)).fetchall()
        anchors = to_anchors(rows, every)
        if 0 < anchors.count <= wanted:
            keys = [(value, row_id) for _, value, row_id in rows]
            self._snapshot = Snapshot.keep(self.connection, self._order, keys)
        return anchors

    def count(self) -> int:
        """How many rows there are; a scan where the filter has no index."""
        if self._snapshot is not None:
            return self._snapshot.count
        source, parameters = self._source()
        return int(self.connection.execute(f"SELECT count(*) {source}", parameters).fetchone()[0])

    def row(self, row_id: int) -> Row | None:
        """The row of that id as it is now, whether it passes the filter or not; None when there is none."""
        sql = f"SELECT {self._columns(self._column.sql)} FROM {self._table} {self.view.joins} WHERE t.id = ?"
        rows = self.connection.execute(sql, (row_id,)).fetchall()
        return rows[0] if rows else None

    def newest_id(self) -> int:
        """The highest id of the table, 0 when it is empty; the filter does not matter."""
        sql = f"SELECT coalesce(max(id), 0) FROM {self.view.table}"
        return int(self.connection.execute(sql).fetchone()[0])

    def new_since(self, row_id: int) -> int:
        """How many rows with a higher id pass the filter: what has arrived since."""
        condition, parameters = self._condition(up_to=None)
        where = f"{condition} AND t.id > ?" if condition else "t.id > ?"
        sql = f"SELECT count(*) FROM {self._table} WHERE {where}"
        return int(self.connection.execute(sql, (*parameters, row_id)).fetchone()[0])

    def changed_since(self, rev: int, limit: int = 1000) -> list[Row]:
        """Rows that were written after a revision, as they are now; filter and order do not matter.

        Tables that are only appended to have no revision, and nothing in them changes.
        """
        if not self.view.revised:
            return []
        columns = self._columns(self._column.sql)
        sql = f"SELECT {columns} FROM {self._table} {self.view.joins} WHERE t.rev > ? ORDER BY t.rev LIMIT ?"
        return self.connection.execute(sql, (rev, limit)).fetchall()

    def close(self) -> None:
        """Drops what the source keeps in its connection."""
        if self._snapshot is not None:
            self._snapshot.drop()
            self._snapshot = None

    # How a read is put together

    @property
    def _table(self) -> str:
        return f"{self.view.table} AS t"

    def _columns(self, value: str) -> str:
        return ", ".join([*(column.sql for column in self.view.columns), value, "t.id"])

    def _condition(self, up_to: int | None) -> tuple[str, tuple[Any, ...]]:
        parts: list[str] = []
        parameters: list[Any] = []
        if self.filter is not None and self.filter.sql:
            parts.append(f"({self.filter.sql})")
            parameters.extend(self.filter.parameters)
        if up_to is not None:
            # The plus keeps the planner from reading by id, which would lose the order.
            parts.append("+t.id <= ?")
            parameters.append(up_to)
        return " AND ".join(parts), tuple(parameters)

    def _source(self, place: str = "") -> tuple[str, tuple[Any, ...]]:
        """SQL from FROM to the end of WHERE; `place` is one more condition, its parameters come last."""
        condition, parameters = self._condition(self.up_to)
        where = " AND ".join(part for part in (condition, place) if part)
        return f"FROM {self._table}" + (f" WHERE {where}" if where else ""), parameters

    def _read(
        self, start: Key | None, n: int, *, backward: bool = False, inclusive: bool = False
    ) -> list[Row]:
        if self._snapshot is not None:
            return self._read_snapshot(
                self._snapshot, self._snapshot.numbers(start, n, backward=backward, inclusive=inclusive)
            )
        rows: list[Row] = []
        for part in self._order.ranges(start, backward=backward, inclusive=inclusive):
            if len(rows) < n:
                rows.extend(self._read_range(part, n - len(rows)))
        if backward:
            rows.reverse()
        return rows

    def _read_range(self, part: Range, n: int) -> list[Row]:
        source, parameters = self._source(part.condition)
        value = self._column.sql
        if not self.view.joins and self._column.indexed:
            sql = f"SELECT {self._columns(value)} {source} ORDER BY {part.order} LIMIT ?"
        else:
            # Only the keys are sorted; the rows of the page, and what is joined to them, are looked up.
            keys = f"SELECT t.id AS id {source} ORDER BY {part.order} LIMIT ?"
            sql = (
                f"SELECT {self._columns(value)} FROM ({keys}) AS k "
                f"CROSS JOIN {self._table} ON t.id = k.id {self.view.joins} ORDER BY {part.order}"
            )
        return self.connection.execute(sql, (*parameters, *part.parameters, n)).fetchall()

    def _read_snapshot(self, snapshot: Snapshot, numbers: tuple[int, int]) -> list[Row]:
        sql = (
            f"SELECT {self._columns('k.value')} FROM {snapshot.name} AS k "
            f"CROSS JOIN {self._table} ON t.id = k.id {self.view.joins} "
            "WHERE k.rowid BETWEEN ? AND ? ORDER BY k.rowid"
        )
        return self.connection.execute(sql, numbers).fetchall()
