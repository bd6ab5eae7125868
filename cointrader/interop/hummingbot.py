"""Hummingbot's export of trades: a CSV of fills, which are paired first in, first out.

The column `trade_fee` is the text of a Python dictionary; it is never evaluated. `trade_fee_in_quote` has
the fee in the quote currency.
"""

from __future__ import annotations

from pathlib import Path

from cointrader.interop.csv_table import Row, RowRefused, header_of, read_rows
from cointrader.interop.lots import Execution, pair_first_in_first_out
from cointrader.interop.trade_history import BUY, SELL, TradeHistory
from storage.quarantine import QuarantineRow

PROGRAM = "hummingbot"
NEEDED = ("timestamp", "symbol", "trade_type", "price", "amount")
_MARKS = {"exchange_trade_id", "config_file_path", "trade_type", "trade_fee"}
_SIDES = {"BUY": BUY, "SELL": SELL}


def is_hummingbot(head: bytes) -> bool:
    """Whether a file begins with the header of Hummingbot's trades."""
    return set(header_of(head)) >= {*_MARKS, *NEEDED}


def read_hummingbot(path: Path, name: str) -> TradeHistory:
    """The positions behind the fills of a file. Raises FileRefused."""
    executions: list[Execution] = []
    refused: list[QuarantineRow] = []
    seen: set[str] = set()
    rows = without_fee = 0
    for row in read_rows(path, name, NEEDED):
        rows += 1
        try:
            execution = _execution(row)
            _refuse_repeated(row, seen)
        except RowRefused as error:
            refused.append(row.refusal(error))
            continue
        without_fee += not row.text("trade_fee_in_quote")
        executions.append(execution)
    # Fills of one millisecond keep the order of the file.
    executions.sort(key=lambda execution: execution.ts_ms)
    notes = (f"{without_fee:,} fills name no fee in the quote currency; taken as 0",) if without_fee else ()
    return TradeHistory(PROGRAM, rows, pair_first_in_first_out(executions), tuple(refused), notes=notes)


def _execution(row: Row) -> Execution:
    side = _SIDES.get(row.text("trade_type").upper())
    if side is None:
        raise RowRefused("trade_type", f"{row.text('trade_type')!r} is neither BUY nor SELL")
    return Execution(
        line=row.line,
        ts_ms=row.moment("timestamp"),
        pair=row.needed("symbol"),
        side=side,
        qty=row.number("amount", positive=True),
        price=row.number("price", positive=True),
        fee=row.number("trade_fee_in_quote") if row.text("trade_fee_in_quote") else 0.0,
        strategy=row.text("strategy") or PROGRAM,
    )


def _refuse_repeated(row: Row, seen: set[str]) -> None:
    """The same fill twice (a file that was joined from two exports) would count twice."""
    number = row.text("exchange_trade_id")
    key = (
        f"{row.text('market')} {row.text('symbol')} {number} {row.text('order_id')} {row.text('trade_type')}"
    )
    if number and key in seen:
        raise RowRefused("exchange_trade_id", f"{number} stands in the file before")
    seen.add(key)
