"""Recorded order books as series that agents learn from, read page by page.

A record whose book cannot be used is left out; which one, and why, is told with the books.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cointrader.training.book_parsing import parse_books
from models.candle_series import FloatArray, IntArray
from models.errors import NotEnoughRows
from models.setup_rows import BookRows
from storage.feed_records import recorded_symbols
from storage.record_texts import RecordText, record_texts

BOOK_TYPE = "order_book"
MOST_NAMED = 100
"""So many of the books of a series that were left out are told one by one, the others by their number."""


def books_of(connection: sqlite3.Connection, symbols: str) -> list[BookRows]:
    """The books of the named symbols ("all" or a comma list), one series a symbol and source.

    Of two records of one moment the one that came last counts. Empty where no book is recorded at all;
    raises NotEnoughRows for a named symbol that there is none of.
    """
    chosen = _chosen(recorded_symbols(connection, BOOK_TYPE), symbols)
    series: dict[tuple[str, str], _Series] = defaultdict(_Series)
    after: tuple[int, int] | None = None
    while chosen and (page := record_texts(connection, BOOK_TYPE, chosen, after=after)):
        _take(page, series)
        after = page[-1].place
    return [each.rows(symbol) for (symbol, _), each in sorted(series.items(), key=lambda item: item[0])]


def _chosen(known: tuple[str, ...], symbols: str) -> tuple[str, ...]:
    wanted = [name.strip().upper() for name in symbols.split(",") if name.strip()]
    if wanted == ["ALL"]:
        return known
    missing = sorted(set(wanted) - set(known))
    if missing:
        there = ", ".join(known) or "none"
        raise NotEnoughRows(0, 1, f"order books of {', '.join(missing)} (there are: {there})")
    return tuple(name for name in known if name in wanted)


@dataclass(frozen=True)
class _Part:
    """Usable books of one page."""

    ts_ms: IntArray
    middle: FloatArray
    sides: NDArray[np.float32]
    flow: NDArray[np.float32]


@dataclass
class _Series:
    """The books of one symbol and source, as far as they were read."""

    parts: list[_Part] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unnamed: int = 0

    def leave_out(self, reason: str) -> None:
        if len(self.left_out) < MOST_NAMED:
            self.left_out.append(reason)
        else:
            self.unnamed += 1

    def rows(self, symbol: str) -> BookRows:
        ts_ms = np.concatenate([part.ts_ms for part in self.parts])
        width = max(part.sides.shape[2] for part in self.parts)
        sides = np.full((len(ts_ms), 2, width, 2), np.nan, dtype=np.float32)
        start = 0
        for part in self.parts:
            end = start + len(part.ts_ms)
            sides[start:end, :, : part.sides.shape[2]] = part.sides
            start = end
        last = np.append(ts_ms[1:] != ts_ms[:-1], [True] * bool(len(ts_ms)))
        unnamed = (f"and {self.unnamed:,} more",) if self.unnamed else ()
        return BookRows(
            symbol=symbol,
            ts_ms=ts_ms[last],
            middle=np.concatenate([part.middle for part in self.parts])[last],
            bids=sides[last, 0],
            asks=sides[last, 1],
            flow=np.concatenate([part.flow for part in self.parts])[last],
            left_out=(*self.left_out, *unnamed),
        )


def _take(page: Sequence[RecordText], series: dict[tuple[str, str], _Series]) -> None:
    """Adds the books of a page to their series."""
    parsed = parse_books([record.data_json for record in page])
    ts_ms = np.fromiter((record.ts_ms for record in page), np.int64, len(page))
    usable = parsed.problem == ""
    for place in np.flatnonzero(~usable).tolist():
        record = page[place]
        reason = f"record {record.id} of {record.symbol}, {record.ts_ms} ms: {parsed.problem[place]}"
        series[record.symbol, record.source].leave_out(reason)
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, record in enumerate(page):
        members[record.symbol, record.source].append(number)
    for key, places in members.items():
        rows = np.array(places, dtype=np.int64)
        rows = rows[usable[rows]]
        part = _Part(ts_ms[rows], parsed.middle[rows], parsed.sides[rows], parsed.flow[rows])
        series[key].parts.append(part)
