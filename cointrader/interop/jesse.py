"""Jesse's list of closed trades as CSV: one row a round trip."""

from __future__ import annotations

from pathlib import Path

from cointrader.interop.csv_table import Row, RowRefused, header_of, read_rows
from cointrader.interop.trade_history import (
    BUY,
    ENTRY,
    EXIT,
    LONG,
    SELL,
    SHORT,
    UNSAID,
    ImportedFill,
    ImportedTrade,
    TradeHistory,
    booked_gross,
)
from storage.quarantine import QuarantineRow

PROGRAM = "jesse"
NEEDED = ("symbol", "type", "entry_price", "exit_price", "qty", "opened_at", "closed_at")
_MARKS = {"strategy_name", "pnl", "holding_period"}


def is_jesse(head: bytes) -> bool:
    """Whether a file begins with the header of Jesse's trades."""
    return set(header_of(head)) >= {*_MARKS, *NEEDED}


def read_jesse(path: Path, name: str) -> TradeHistory:
    """The trades of a file. Raises FileRefused."""
    trades: list[ImportedTrade] = []
    refused: list[QuarantineRow] = []
    rows = 0
    for row in read_rows(path, name, NEEDED):
        rows += 1
        try:
            trades.append(_trade(row))
        except RowRefused as error:
            refused.append(row.refusal(error))
    return TradeHistory(PROGRAM, rows, tuple(trades), tuple(refused))


def _trade(row: Row) -> ImportedTrade:
    side = row.text("type").lower()
    if side not in (LONG, SHORT):
        raise RowRefused("type", f"{row.text('type')!r} is neither long nor short")
    opened, is_open = row.moment("opened_at"), not row.text("closed_at")
    closed = None if is_open else row.moment("closed_at")
    if closed is not None and closed < opened:
        raise RowRefused("closed_at", "lies before opened_at")
    qty, entry = row.number("qty", positive=True), row.number("entry_price", positive=True)
    fee = row.number("fee") if row.text("fee") else 0.0
    into, out = (BUY, SELL) if side == LONG else (SELL, BUY)
    exit_price = None if is_open else row.number("exit_price", positive=True)
    # Jesse gives one fee for both sides, each charged on its own value.
    entry_fee = fee if exit_price is None else fee * entry / (entry + exit_price)
    fills = [ImportedFill(opened, ENTRY, into, qty, entry, entry_fee, "entry")]
    if closed is not None and exit_price is not None:
        fills.append(ImportedFill(closed, EXIT, out, qty, exit_price, fee - entry_fee, UNSAID))
    return ImportedTrade(
        line=row.line,
        pair=row.needed("symbol"),
        strategy=row.text("strategy_name") or PROGRAM,
        side=side,
        opened_ms=opened,
        closed_ms=closed,
        qty=qty,
        entry_price=entry,
        exit_price=exit_price,
        exit_reason="" if is_open else UNSAID,
        gross=booked_gross(side, fills),
        fees=fee,
        funding=0.0,
        fills=tuple(fills),
    )
