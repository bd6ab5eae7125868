"""A CSV file with a header, row by row, with the faults of a row told by line and field."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cointrader.interop.file_kind import FileRefused, SourceContent
from cointrader.interop.moments import MomentError, read_moment
from storage.quarantine import QuarantineRow


class RowRefused(ValueError):
    """A row that cannot be used: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Row:
    """One row, its fields by the names of the header in small letters."""

    line: int
    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        """A field, '' where it is missing."""
        return (self.fields.get(name) or "").strip()

    def needed(self, name: str) -> str:
        """A field that must say something. Raises RowRefused."""
        text = self.text(name)
        if not text:
            raise RowRefused(name, "is empty")
        return text

    def number(self, name: str, *, positive: bool = False) -> float:
        """A finite number. Raises RowRefused."""
        return read_number(self.text(name), name, positive=positive)

    def moment(self, name: str) -> int:
        """UTC milliseconds. Raises RowRefused."""
        try:
            return read_moment(self.text(name))
        except MomentError as error:
            raise RowRefused(name, str(error)) from error

    @property
    def raw(self) -> str:
        """The row as text, for the report."""
        return ",".join(value if isinstance(value, str) else "" for value in self.fields.values())

    def refusal(self, error: RowRefused) -> QuarantineRow:
        """The row as the quarantine keeps it."""
        return QuarantineRow(self.line, error.field, error.reason, self.raw)


def read_number(value: object, name: str, *, positive: bool = False) -> float:
    """A finite number out of a text or a number. Raises RowRefused."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise RowRefused(
            name, f"{value!r} is not a number" if value not in (None, "") else "is empty"
        ) from error
    if not math.isfinite(number):
        raise RowRefused(name, f"{value!r} is not finite")
    if positive and number <= 0.0:
        raise RowRefused(name, f"must be above 0, is {number:g}")
    return number


def header_of(head: bytes) -> tuple[str, ...]:
    """The names in the first line of a file's first bytes, in small letters."""
    line = next(iter(head.splitlines()), b"").decode("utf-8-sig", "replace").strip()
    try:
        names = next(csv.reader([line]), [])
    except csv.Error:
        return ()
    return tuple(name.strip().lower() for name in names)


def read_rows(path: Path, name: str, needed: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV file with a header.

    A row with too few or too many fields is given as it is; what it lacks is found when it is asked for.
    Raises FileRefused (`name` is what the operator knows the file by) for a missing column, for text that
    is not UTF-8 and for a compressed file that breaks off.
    """
    try:
        with SourceContent(path).open() as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
            reader = csv.reader(text)
            header = [column.strip().lower() for column in next(reader, [])]
            missing = [column for column in needed if column not in header]
            if missing:
                raise FileRefused(name, 1, missing[0], "the header has no such column")
            for fields in reader:
                if fields:
                    yield Row(reader.line_num, dict(zip(header, fields, strict=False)))
    except UnicodeDecodeError as error:
        raise FileRefused(name, 0, "file", f"is not UTF-8 text: {error.reason}") from error
    except csv.Error as error:
        raise FileRefused(name, reader.line_num, "file", f"is not CSV: {error}") from error
