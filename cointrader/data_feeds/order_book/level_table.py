"""Books as a table: one row a moment, with the distance from the middle and the money of every level.

The layout is that of data sets for research: `system_time, midpoint, spread, buys, sells`, then
`bids_distance_k` and `bids_notional_k` (and the same of `asks`) for k = 0, 1, ...; a distance is relative to
the middle price, a notional in quote units. `buys` and `sells` are the money that was traded since the row
before: the `bought` and `sold` of a record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from statistics import median

from cointrader.data_feeds.microstructure import MicrostructureExtractor
from cointrader.data_feeds.record_import import FileRecords, Sink, load_records
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from cointrader.data_feeds.records.validation import RecordRefused
from cointrader.data_feeds.slippage import SlippageTracker
from cointrader.data_feeds.table_rows import TableRow, table_rows
from cointrader.interop.file_kind import LoadContext, LoadReport, Question, Recognition

_NEEDED = ("system_time", "midpoint", "bids_distance_0", "bids_notional_0", "asks_distance_0")
_COIN = re.compile(r"(?<![a-z])(btc|eth|ada|sol|xrp|ltc|doge|bnb)(?![a-z])")


def recognise_level_table(head: bytes, name: str) -> Recognition | None:
    """Recognises the header; of the pair such a file tells the coin at most, in its name."""
    header = head.partition(b"\n")[0].decode("utf-8", "replace").strip().split(",")
    if not set(_NEEDED) <= set(header):
        return None
    levels = sum(column.startswith("bids_distance_") for column in header)
    coin = _COIN.search(name.lower())
    default = f"{coin[1].upper()}/USD" if coin else ""
    question = Question("symbol", "Which pair is this book of? Write it as BTC/USD", default, "BTC/USD")
    return Recognition(
        kind="book_csv",
        why=f"its columns are the distance and the money of {levels} levels a side",
        questions=(question,),
    )


def load_level_table(path: Path, context: LoadContext) -> LoadReport:
    """Keeps each row as a book, its measures, and the middle price. Raises FileRefused."""
    return load_records(path, context, "", lambda sink: read_level_table(path, context, sink))


@dataclass
class _Table:
    """What the rows of one file become."""

    symbol: str
    sink: Sink
    moments: list[int] = field(default_factory=list)
    levels: int = 0
    extractor: MicrostructureExtractor = field(default_factory=MicrostructureExtractor)
    slippage: SlippageTracker = field(default_factory=SlippageTracker)

    def take(self, row: TableRow) -> None:
        """Keeps one row, or refuses it with the field at fault."""
        try:
            ts_ms = to_ms(row.values["system_time"])
        except TimeRefused as error:
            self.sink.refuse(row.line, "system_time", str(error), row.raw)
            return
        name = "midpoint"
        try:
            middle = float(row.values[name])
            book: dict[str, object] = {"symbol": self.symbol, "timestamp": ts_ms / 1000}
            for side in ("bids", "asks"):
                name = f"{side}_distance"
                book[side] = _side(row.values, side, middle, self.levels)
        except ValueError as error:
            self.sink.refuse(row.line, name, str(error), row.raw)
            return
        flow = {"bought": _money(row.values.get("buys", "")), "sold": _money(row.values.get("sells", ""))}
        book |= {name: money for name, money in flow.items() if money is not None}
        if self.sink.add("order_book", book, line=row.line, raw=row.raw):
            self.moments.append(ts_ms)
            self._measure(book, middle, row, sum(money or 0.0 for money in flow.values()))

    def _measure(self, book: Mapping[str, object], middle: float, row: TableRow, traded: float) -> None:
        for type, measure in (
            ("microstructure", self.extractor.extract_metrics),
            ("slippage", self.slippage.calculate_slippage),
        ):
            try:
                self.sink.add(type, measure(book), line=row.line)
            except RecordRefused:
                # The book is whole, it only cannot tell this: a side is empty, or thinner than the order.
                continue
        price = {"symbol": self.symbol, "price": middle, "volume": traded / middle}
        self.sink.add("crypto_price", {**price, "timestamp": book["timestamp"]}, line=row.line)


def _side(values: Mapping[str, str], side: str, middle: float, levels: int) -> list[list[float]]:
    """[price, amount] of the levels that hold something, best first."""
    found = []
    for place in range(levels):
        price = middle * (1.0 + float(values[f"{side}_distance_{place}"]))
        money = float(values[f"{side}_notional_{place}"])
        if money > 0.0:
            found.append([price, money / price])
    return found


def _levels(names: Mapping[str, str]) -> int:
    """How many levels have all of their columns, counted from the best."""
    parts = [f"{side}_{part}" for side in ("bids", "asks") for part in ("distance", "notional")]
    return next(place for place in count() if not all(f"{part}_{place}" in names for part in parts))


def _money(text: str) -> float | None:
    """An amount of money; None for what is none."""
    try:
        money = float(text)
    except ValueError:
        return None
    return money if math.isfinite(money) and money >= 0.0 else None


def read_level_table(path: Path, context: LoadContext, sink: Sink) -> FileRecords:
    """Gives the rows of a file to a sink."""
    symbol = context.answer("symbol")
    table = _Table(symbol, sink)
    for row in table_rows(path, context, sink):
        if not table.levels:
            table.levels = _levels(row.values)
        table.take(row)
    moments = sorted(table.moments)
    steps = [after - before for before, after in pairwise(moments)]
    usual = median(steps) if steps else 0
    wide = [step for step in steps if step > 1.5 * usual]
    notes = [f"steps of {', '.join(f'{step / 1000:g} s' for step in wide[:5])} instead of {usual / 1000:g} s"]
    return FileRecords(
        text=f"{len(moments):,} books of {symbol}, {table.levels} levels a side, {len(wide):,} gaps",
        symbol=symbol,
        gaps=len(wide),
        notes=notes if wide else (),
        details={"levels": table.levels, "step_ms": usual},
    )
