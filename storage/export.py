"""The whole of a filtered, sorted table as a file: CSV for spreadsheets, JSON lines for programs.

Rows are read in blocks by their keys, so that memory stays flat and no cursor stays open while a disk
is slow. The file appears under its name only when it is whole and on the disk.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from storage.durable_file import disk_error, sync_folder
from storage.errors import StorageError
from storage.pages import PageSource, key_of

BLOCK = 5000
"""Rows that are read at once."""

FORMATS = ("csv", "jsonl")


def export_rows(
    source: PageSource,
    path: Path,
    *,
    format: str = "",
    progress: Callable[[int], None] | None = None,
) -> int:
    """Writes every row of a source and returns how many; the format follows from the name unless given.

    Values leave as they are stored: times are UTC milliseconds, percentages fractions; a missing value
    is an empty cell or null. `progress` is told the rows written so far. An existing file is replaced.
    Raises StorageError for an unknown format or a folder that cannot be written to, DiskFull.
    """
    chosen = format or path.suffix.lstrip(".").lower()
    if chosen not in FORMATS:
        raise StorageError(f"{path}: an export is {' or '.join(FORMATS)}, not {chosen or 'without a format'}")
    write = _write_csv if chosen == "csv" else _write_jsonl
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with open(handle, "w", encoding="utf-8", newline="") as file:
            count = write(file, source.view.names, blocks(source, BLOCK), progress or _silent)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return count


def blocks(source: PageSource, size: int) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of a source, `size` at a time, each the values of the view's columns."""
    width = len(source.view.columns)
    if source.scans:
        source.anchors()
    rows = source.first(size)
    while rows:
        yield [row[:width] for row in rows]
        rows = source.after(key_of(rows[-1]), size) if len(rows) == size else []


def _write_csv(
    file: TextIO,
    names: tuple[str, ...],
    rows: Iterator[list[tuple[Any, ...]]],
    progress: Callable[[int], None],
) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    count = 0
    for block in rows:
        writer.writerows(block)
        count += len(block)
        progress(count)
    return count


def _write_jsonl(
    file: TextIO,
    names: tuple[str, ...],
    rows: Iterator[list[tuple[Any, ...]]],
    progress: Callable[[int], None],
) -> int:
    count = 0
    for block in rows:
        lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in block)
        file.writelines(f"{line}\n" for line in lines)
        count += len(block)
        progress(count)
    return count


def _silent(count: int) -> None:
    """Nobody wants to know."""
