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
from pathlib import Path
from typing import Any

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


def is_json_of_candles(head: bytes) -> bool:
    """Whether the start of a JSON text is that of candles."""
    if _PLAIN_START.match(head):
        return True
    names = _OBJECT_START.match(head) or _SPLIT_START.search(head[:4_096])
    if names is not None and head.lstrip()[:1] in (b"[", b"{"):
        return all(f'"{price}"'.encode() in names[1].lower() for price in PRICES)
    return head.lstrip()[:1] == b"{" and _NESTED_START.match(head.lstrip()) is not None


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
        found = re.search(rb'"(?:symbol|pair)"\s*:\s*"([^"]{1,40})"', self._source.content[:4_096])
        return found[1].decode("utf-8", "replace") if found else ""

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
        if len(document) > MAX_DOCUMENT_BYTES:
            reason = (
                f"is larger than {MAX_DOCUMENT_BYTES >> 20} MiB and no plain list of rows; export it as CSV"
            )
            raise CandleFileError(self.path, 0, "file", reason)
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
    """A list of lists of numbers, one row a line, without parsing them.

    Raises CandleFileError when the brackets do not close, which they do not where a file was cut.
    """
    rows = document.translate(None, b' \t\r\n"').replace(b"],", b"\n")
    if not rows.startswith(b"[[") or not rows.endswith(b"]]") or b"{" in rows:
        line = 1 + rows.count(b"\n")
        raise CandleFileError(
            path, line, "row", _CUT if not rows.endswith(b"]]") else "is no list of numbers"
        )
    return rows.translate(None, b"[]") + b"\n"


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
