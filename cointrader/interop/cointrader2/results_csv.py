"""strategy_pnl.csv and regime_pnl.csv: results with a header, times naive UTC.

strategy_pnl.csv has one row an exit, in the quote currency, and no regime. regime_pnl.csv has the regime,
but each exit two to four times, in mixed units (`units` tells them apart). An old routine of the bot may
have seeded it with constant rows, which were never traded.
"""

from __future__ import annotations

import csv

from cointrader.interop.cointrader2.records import BotPnl, Reading, key_of
from cointrader.interop.csv_table import Row, RowRefused
from storage.quarantine import QuarantineRow

STRATEGY_PNL, REGIME_PNL = "strategy_pnl", "regime_pnl"
_HEADERS = {
    STRATEGY_PNL: "timestamp,strategy,symbol,entry_price,exit_price,pnl,confidence,direction",
    REGIME_PNL: "timestamp,regime,strategy,pnl",
}
_SEEDED = {("sniper_solana", "breakout", 0.02), ("sniper_solana", "volatile", 0.05)}


def read_results(source: str, header: str, lines: list[tuple[int, str]]) -> Reading:
    """The rows of some lines. `header` is the first line of the file, whichever lines these are.

    Times go down to the microsecond: rows that are equal are one result, booked twice.
    """
    reading = Reading()
    has_header = "pnl" in header.lower().split(",") or "timestamp" in header.lower()
    names = [name.strip().lower() for name in (header if has_header else _HEADERS[source]).split(",")]
    for number, line in lines:
        if not line.strip() or (number == 1 and has_header):
            continue
        fields = next(csv.reader([line]), [])
        row = Row(number, dict(zip(names, fields, strict=False)))
        try:
            if len(fields) != len(names):
                raise RowRefused("row", f"has {len(fields)} fields; the header names {len(names)}")
            found = _result(source, row)
        except RowRefused as error:
            reading.refused.append(QuarantineRow(number, error.field, error.reason, line))
            continue
        if not is_seeded(found):
            reading.rows.append(found)
    return reading


def is_seeded(row: BotPnl) -> bool:
    """Whether a row comes from the bot's old routine of seeding and was never traded."""
    return (row.strategy, row.regime, row.pnl) in _SEEDED


def _result(source: str, row: Row) -> BotPnl:
    return BotPnl(
        line=row.line,
        ts_ms=row.moment("timestamp"),
        strategy=row.needed("strategy"),
        pnl=row.number("pnl"),
        source=source,
        key=key_of(source, *row.fields.values()),
        symbol=row.text("symbol"),
        regime=row.text("regime"),
        entry_price=_optional(row, "entry_price"),
        exit_price=_optional(row, "exit_price"),
        confidence=_optional(row, "confidence"),
        direction=row.text("direction").lower(),
    )


def _optional(row: Row, name: str) -> float | None:
    return row.number(name) if row.text(name) else None
