"""How results are printed: JSON for scripts, CSV for spreadsheets, aligned columns for people."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity as None, which JSON can hold; mappings and lists are walked."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """One JSON document, indented, standard JSON only (no NaN)."""
    print(json.dumps(finite(value), indent=2, allow_nan=False, ensure_ascii=False))


def print_json_array(records: Iterable[Mapping[str, Any]]) -> None:
    """One JSON array with an object a line, written as the records come."""
    separator = "[\n"
    for record in records:
        print(separator + json.dumps(finite(record), allow_nan=False, ensure_ascii=False), end="")
        separator = ",\n"
    print("[]" if separator == "[\n" else "\n]")


def print_json_lines(records: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line."""
    for record in records:
        print(json.dumps(finite(record), allow_nan=False, ensure_ascii=False))


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """RFC 4180 with a header; an absent value is an empty field."""
    writer = csv.writer(sys.stdout)
    writer.writerow(header)
    writer.writerows(rows)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] = ()) -> None:
    """Aligned columns; `right` says which are aligned to the right."""
    body = [list(row) for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in body)]) for place, name in enumerate(header)]
    aligned = list(right) + [False] * (len(header) - len(right))
    for row in [list(header), *body]:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, aligned, strict=True)
        ]
        print("  ".join(cells).rstrip())


def print_wrapped(lines: Iterable[str]) -> None:
    """Lines as they are; on a terminal, those that are too long go on below, further in."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for line in lines:
        if len(line) <= width or not width:
            print(line)
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        print(textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False))


def time_text(ms: int | None) -> str:
    """UTC time of int64 milliseconds, to the minute; empty for none."""
    return "" if not ms else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def number_text(value: float | None, digits: int = 4) -> str:
    """A number for people: thousands separated, no more digits than they say something; empty for none."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:,.{digits}f}" if abs(value) < 1000 else f"{value:,.2f}"
