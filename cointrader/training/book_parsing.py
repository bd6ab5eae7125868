"""The texts of many recorded order books into arrays at once, and what is wrong with the unusable ones.

Arrow parses a page of texts in one pass; only where it meets damage is every text of the page tried alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from models.candle_series import FloatArray, IntArray

MOST_LEVELS = 50
"""Levels a side that agents are given; those behind them are far from any trade of the default size."""

_LEVELS = pa.list_(pa.list_(pa.float64()))
_SCHEMA = pa.schema([("bids", _LEVELS), ("asks", _LEVELS), ("bought", pa.float64()), ("sold", pa.float64())])
_PARSE = arrow_json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
_LEAST_BLOCK = 1 << 20
_NOTHING = "{}"

Problems = NDArray[np.str_]


@dataclass(frozen=True)
class ParsedBooks:
    """Books in the order of their texts.

    `middle` (n,) is (best bid + best ask)/2, `sides` (n, 2, levels, 2) are bids and asks, the best level
    first: distance from the middle in bps and money; NaN where a book is shorter. `flow` (n, 2) is the money
    that buyers and sellers took, NaN where it was not recorded. `problem` (n,) says why a book cannot be
    used; empty where it can.
    """

    middle: FloatArray
    sides: NDArray[np.float32]
    flow: NDArray[np.float32]
    problem: Problems


def parse_books(texts: Sequence[str]) -> ParsedBooks:
    """Books of the JSON of records: `bids` and `asks` [[price, amount], ...], `bought` and `sold` money."""
    table, problem = _parsed(texts)
    bids = _side(table, "bids", -1.0, problem)
    asks = _side(table, "asks", 1.0, problem)
    bid, ask = bids[:, 0, 0], asks[:, 0, 0]
    _note(problem, bid >= ask, "its best bid is not below its best ask")
    middle = (bid + ask) / 2.0
    sides = np.full((len(texts), 2, max(bids.shape[1], asks.shape[1]), 2), np.nan, dtype=np.float32)
    for place, (side, sign) in enumerate(((bids, -1.0), (asks, 1.0))):
        price, amount = side[:, :, 0], side[:, :, 1]
        sides[:, place, : side.shape[1], 0] = sign * (price / middle[:, None] - 1.0) * 1e4
        sides[:, place, : side.shape[1], 1] = price * amount
    flow = np.column_stack([_numbers(table.column(name)) for name in ("bought", "sold")])
    flow[~(flow >= 0.0) | ~np.isfinite(flow)] = np.nan
    return ParsedBooks(middle, sides, flow.astype(np.float32), problem)


def _parsed(texts: Sequence[str]) -> tuple[pa.Table, Problems]:
    """A row a text; one that is no JSON of a book gives a row of nothing and its problem."""
    problem: Problems = np.full(len(texts), "", dtype="<U120")
    try:
        table = _read(texts)
        if table.num_rows == len(texts):
            return table, problem
    except pa.ArrowInvalid:
        pass
    whole = [_is_readable(text) for text in texts]
    _note(problem, ~np.array(whole, dtype=np.bool_), "its text is damaged: no whole JSON of a book")
    return _read([text if fine else _NOTHING for text, fine in zip(texts, whole, strict=True)]), problem


def _read(texts: Sequence[str]) -> pa.Table:
    joined = "\n".join(texts).encode()
    options = arrow_json.ReadOptions(use_threads=False, block_size=max(_LEAST_BLOCK, len(joined) + 1))
    return arrow_json.read_json(io.BytesIO(joined), read_options=options, parse_options=_PARSE)


def _is_readable(text: str) -> bool:
    try:
        return bool(_read([text]).num_rows == 1)
    except pa.ArrowInvalid:
        return False


def _side(table: pa.Table, name: str, sign: float, problem: Problems) -> FloatArray:
    """(n, levels, 2) price and amount of one side, the best first, NaN behind the last; adds its problems."""
    column = table.column(name).combine_chunks()
    starts, pairs = column.offsets.to_numpy(), column.values
    row = np.repeat(np.arange(len(column)), np.diff(starts))
    first, length = pairs.offsets.to_numpy()[:-1], np.diff(pairs.offsets.to_numpy())
    numbers = _numbers(pairs.values)
    is_pair = length == 2
    levels = np.full((len(pairs), 2), np.nan)
    levels[is_pair] = numbers[first[is_pair, None] + np.arange(2)]
    usable = np.isfinite(levels).all(axis=1) & (levels[:, 0] > 0.0) & (levels[:, 1] >= 0.0)
    _note(
        problem,
        np.bincount(row[~usable], minlength=len(column)) > 0,
        f"a level of its {name} is no price above 0 with an amount",
    )
    # An amount of 0 says that a level is gone.
    stands = usable & (levels[:, 1] > 0.0)
    side = _best_first(row[stands], levels[stands], sign, len(column))
    _note(problem, np.isnan(side[:, 0, 0]), f"nobody stands on the side of its {name}")
    return side


def _best_first(row: IntArray, levels: FloatArray, sign: float, books: int) -> FloatArray:
    order = np.lexsort((sign * levels[:, 0], row))
    row, levels = row[order], levels[order]
    place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    kept = place < MOST_LEVELS
    width = int(place[kept].max(initial=0)) + 1
    side = np.full((books, width, 2), np.nan)
    side[row[kept], place[kept]] = levels[kept]
    return side


def _numbers(column: pa.ChunkedArray | pa.Array) -> FloatArray:
    """float64, NaN for null."""
    return np.array(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )


def _note(problem: Problems, where: NDArray[np.bool_], what: str) -> None:
    """The first problem of a book is the one that is told."""
    problem[where & (problem == "")] = what
