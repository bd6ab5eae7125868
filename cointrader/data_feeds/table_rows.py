"""Rows of a CSV file by the names of their columns, one at a time; a row of another width is refused."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cointrader.data_feeds.lines import LineReader
from cointrader.data_feeds.record_import import Sink
from cointrader.interop.file_kind import LoadContext

PROGRESS_ROWS = 1_000


@dataclass(frozen=True)
class TableRow:
    """One row: its line in the file, its values by column, and its text."""

    line: int
    values: Mapping[str, str]
    raw: str


def table_rows(
    path: Path, context: LoadContext, sink: Sink, columns: tuple[str, ...] | None = None
) -> Iterator[TableRow]:
    """The rows of a file with a header, or of one without it whose columns are `columns`.

    Rows are counted in the sink, and those that have too few or too many fields refused there. A quoted
    field may hold line breaks; the line of such a row is its last one.
    """
    reader = LineReader(path)
    texts = (line.decode("utf-8-sig" if number == 1 else "utf-8", "replace") for number, line in reader)
    rows = csv.reader(texts)
    names = columns or tuple(name.strip() for name in next(rows, []))
    for values in rows:
        if not values:
            continue
        number = sink.next_row()
        if number % PROGRESS_ROWS == 0:
            context.progress(reader.position, reader.size, f"{path.name}: row {number:,}")
        raw = ",".join(values)
        if len(values) != len(names):
            reason = f"has {len(values)} fields and not {len(names)}"
            sink.refuse(rows.line_num, "row", reason, raw)
            continue
        yield TableRow(rows.line_num, dict(zip(names, values, strict=True)), raw)
