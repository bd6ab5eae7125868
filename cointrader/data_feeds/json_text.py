"""JSON lists of candles as lines of text, so that the readers of text can read them at their speed.

Exchanges answer, and ccxt and freqtrade keep, candles as a list of rows: `[[1704067200000, 1.0, ...], ...]`
(ccxt, freqtrade: 6 values; Binance: 12, prices in quotes; Bitfinex: 6, close before high). The rows may lie
deeper in the document ({"symbol": ..., "ohlcv": [[...]]}, pandas' {"columns", "index", "data"}) or be objects
with names. A row of the list stands for a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.sniffing import PRICES
from cointrader.data_feeds.source import CandleSource

MAX_DOCUMENT_BYTES = 256 << 20
"""Larger documents are read only when they are plain lists of rows."""

_PLAIN_START = re.compile(rb'\s*\[\s*\[\s*"?\d{9,19}"?\s*,')
_NESTED_START = re.compile(rb'\{.{0,4000}?\[\s*\[\s*"?\d{9,19}"?\s*,', re.DOTALL)
_OBJECT_START = re.compile(rb"\s*\[\s*\{([^{}]*)\}")
_SPLIT_START = re.compile(rb'"columns"\s*:\s*\[([^\]]*)\]')
_CUT = "the JSON text ends in the middle; the file was cut"
_NOT_PLAIN = "is no list of rows of numbers"
_IGNORED = b' \t\r\n"'


def is_json_of_candles(head: bytes) -> bool:
    """Whether the start of a JSON text is that of candles."""
    if _PLAIN_START.match(head):
        return True
    names = _OBJECT_START.match(head) or _SPLIT_START.search(head[:4_096])
    if names is not None and head.lstrip()[:1] in (b"[", b"{"):
        return all(f'"{price}"'.encode() in names[1].lower() for price in PRICES)
    return head.lstrip()[:1] == b"{" and _NESTED_START.match(head.lstrip()) is not None


def symbol_in(head: bytes) -> str:
    """The pair that a document names beside its rows, '' where it does not."""
    found = re.search(rb'"(?:symbol|pair)"\s*:\s*"([^"]{1,40})"', head[:4_096])
    return found[1].decode("utf-8", "replace") if found else ""


class JsonText:
    """The rows of a JSON document, one a line, as a source for the readers of text."""

    form = "json"

    def __init__(self, source: CandleSource) -> None:
        self._source = source

    @property
    def path(self) -> Path:
        """The file."""
        return self._source.path

    @property
    def head(self) -> bytes:
        """The first lines, from which the layout is told."""
        return self.content[:65_536]

    @cached_property
    def content(self) -> bytes:
        """All rows as lines. Raises CandleFileError for a text that is cut or holds no rows."""
        document = self._source.content
        if _PLAIN_START.match(document):
            return plain_rows(document, self.path)
        return self._parsed(document)

    @property
    def symbol(self) -> str:
        """The pair that the document names beside its rows, '' where it does not."""
        return symbol_in(self._source.content[:4_096])

    def stream(self) -> pa.NativeFile:
        """The rows for pyarrow."""
        return pa.BufferReader(self.content)

    def ends_with_newline(self) -> bool:
        """Whether the last row is complete: it is, for the document was closed."""
        return True

    def notes(self) -> tuple[str, ...]:
        """Nothing that the operator should know."""
        return ()

    def _parsed(self, document: bytes) -> bytes:
        try:
            parsed = json.loads(document)
        except json.JSONDecodeError as error:
            cut = error.pos >= len(document.rstrip()) - 1
            reason = _CUT if cut else f"is no valid JSON: {error.msg}"
            raise CandleFileError(self.path, error.lineno, "file", reason) from error
        except UnicodeDecodeError as error:
            raise CandleFileError(
                self.path, 1, "file", "has bytes that are no text; it is damaged"
            ) from error
        lines = list(_lines(parsed))
        if not lines:
            raise CandleFileError(self.path, 1, "file", "holds no list of candles")
        return ("\n".join(lines) + "\n").encode()


def plain_rows(document: bytes, path: Path) -> bytes:
    """A list of lists of numbers, one row a line, without parsing them. Raises CandleFileError."""
    return b"".join(row_texts(BytesIO(document), max(len(document), 1), path))


def row_texts(stream: BinaryIO, block_bytes: int, path: Path) -> Iterator[bytes]:
    """A list of lists of numbers in blocks of whole rows, one row a line.

    Raises CandleFileError when the brackets do not close, which they do not where a file was cut.
    """
    rest, rows, begun = b"", 0, False
    while chunk := stream.read(block_bytes):
        data = rest + chunk.translate(None, _IGNORED)
        if not begun and not data.startswith(b"[["):
            raise CandleFileError(path, 1, "file", _NOT_PLAIN)
        begun = True
        end = data.rfind(b"],") + len(b"],")
        rest = data[end:] if end > 1 else data
        if end > 1:
            yield _as_lines(data[:end], rows, path)
            rows += data.count(b"],", 0, end)
    if not rest.endswith(b"]]"):
        raise CandleFileError(path, rows + 1, "row", _CUT)
    yield _as_lines(rest[:-1] + b",", rows, path)


def _as_lines(rows: bytes, before: int, path: Path) -> bytes:
    """Rows that each end with `],` as lines; `before` is how many came before them."""
    lines = rows.replace(b"],", b"\n").translate(None, b"[")
    if b"]" in lines or b"{" in lines:
        wrong = min(place for place in (lines.find(b"]"), lines.find(b"{")) if place >= 0)
        raise CandleFileError(path, before + 1 + lines.count(b"\n", 0, wrong), "row", _NOT_PLAIN)
    return lines


def first_rows(head: bytes, path: Path) -> bytes:
    """The first rows of a document of any size, as lines. Raises CandleFileError for no plain list."""
    if not _PLAIN_START.match(head):
        limit = f"{MAX_DOCUMENT_BYTES >> 20} MiB"
        raise CandleFileError(
            path, 0, "file", f"is larger than {limit} and no plain list of rows; export it as CSV"
        )
    rows = head.translate(None, _IGNORED)
    return _as_lines(rows[: rows.rfind(b"],") + len(b"],")], 0, path)


def _lines(document: Any) -> Iterator[str]:
    """The rows of the first list of rows in a document, after their names where it has them."""
    rows = _find_rows(document)
    if rows is None:
        return
    names = document.get("columns") if isinstance(document, Mapping) else None
    if isinstance(rows[0], Mapping):
        names = list(rows[0])
        rows = [[row.get(name) if isinstance(row, Mapping) else None for name in names] for row in rows]
    elif isinstance(names, list) and "index" in document and len(names) < 6:
        # pandas keeps the time as the index, outside of the rows.
        rows = [[time, *row] for time, row in zip(document["index"], rows, strict=False)]
        names = ["time", *names]
    if names is not None:
        yield ",".join(str(name) for name in names)
    for row in rows:
        yield ",".join("" if value is None else str(value) for value in row)


def _find_rows(document: Any) -> list[Any] | None:
    """The first list, looked for from the outside in, whose members are lists or objects."""
    waiting = [document]
    while waiting:
        here = waiting.pop(0)
        if isinstance(here, list) and here and isinstance(here[0], list | Mapping):
            return here if all(isinstance(row, type(here[0])) for row in here) else None
        if isinstance(here, Mapping):
            waiting.extend(here.values())
    return None
