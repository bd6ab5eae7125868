"""freqtrade's tradesv3.sqlite, by the names of its columns, which its versions have changed over the years.

Older databases say sell_reason and buy_tag for exit_reason and enter_tag, and know neither shorts nor
funding. Dates without a zone are UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cointrader.interop.csv_table import RowRefused, read_number
from cointrader.interop.file_kind import FileRefused
from cointrader.interop.foreign_database import foreign_database
from cointrader.interop.freqtrade.trade import PROGRAM, FreqtradeTrade, imported
from cointrader.interop.moments import MomentError, read_moment
from cointrader.interop.trade_history import ImportedTrade, TradeHistory
from storage.quarantine import QuarantineRow

NEEDED = ("pair", "is_open", "open_rate", "amount", "open_date")
_DEFAULT_FEE = 0.0

StoredOrder = tuple[Any, bool, Any, Any]
"""Moment, is it an entry, quantity, price, as the database has them."""


def is_freqtrade_database(head: bytes) -> bool:
    """Whether the first pages of a SQLite file name freqtrade's tables."""
    # Names of tables stand in the first page, as the text of their CREATE statements.
    return head.startswith(b"SQLite format 3\x00") and b"pairlocks" in head and b"trades" in head


def read_freqtrade_database(path: Path, name: str) -> TradeHistory:
    """All trades of a database, by their number. Raises FileRefused."""
    with foreign_database(path, name) as connection:
        columns = _columns(connection, "trades")
        missing = [column for column in NEEDED if column not in columns]
        if missing:
            what = "the table trades has no such column" if columns else "there is no table trades"
            raise FileRefused(name, 0, missing[0], what)
        orders = _orders(connection)
        rows = connection.execute("SELECT * FROM trades ORDER BY id").fetchall()
    trades: list[ImportedTrade] = []
    refused: list[QuarantineRow] = []
    for each in rows:
        row = dict(each)
        try:
            trades.append(imported(_trade(row, orders.get(row["id"], ()))))
        except RowRefused as error:
            raw = ", ".join(f"{key}={row[key]}" for key in ("id", *NEEDED))
            refused.append(QuarantineRow(int(row["id"]), error.field, error.reason, raw))
    return TradeHistory(PROGRAM, len(rows), tuple(trades), tuple(refused))


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _orders(connection: sqlite3.Connection) -> dict[int, list[StoredOrder]]:
    """What was filled, by the number of the trade; orders that were never filled are left out."""
    columns = _columns(connection, "orders")
    if not {"ft_trade_id", "ft_order_side", "filled"} <= columns:
        return {}
    found: dict[int, list[StoredOrder]] = {}
    rows = connection.execute(
        "SELECT orders.*, trades.is_open AS trade_is_open, "
        + ("trades.is_short" if "is_short" in _columns(connection, "trades") else "0")
        + " AS trade_is_short FROM orders JOIN trades ON trades.id = orders.ft_trade_id ORDER BY orders.id"
    ).fetchall()
    for each in rows:
        row = dict(each)
        price = row.get("average") or row.get("price")
        moment = row.get("order_filled_date") or row.get("order_update_date") or row.get("order_date")
        if (
            not row.get("filled")
            or not price
            or moment is None
            or row["ft_order_side"] not in ("buy", "sell")
        ):
            continue
        is_entry = row["ft_order_side"] == ("sell" if row["trade_is_short"] else "buy")
        found.setdefault(int(row["ft_trade_id"]), []).append((moment, is_entry, row["filled"], price))
    return found


def _trade(row: Mapping[str, Any], orders: Sequence[StoredOrder]) -> FreqtradeTrade:
    is_open = bool(row["is_open"])
    if not row["pair"]:
        raise RowRefused("pair", "is empty")
    return FreqtradeTrade(
        line=int(row["id"]),
        pair=str(row["pair"]),
        strategy=str(row.get("strategy") or PROGRAM),
        is_short=bool(row.get("is_short")),
        is_open=is_open,
        opened_ms=_moment(row, "open_date"),
        closed_ms=None if is_open else _moment(row, "close_date"),
        amount=read_number(row["amount"], "amount", positive=True),
        open_rate=read_number(row["open_rate"], "open_rate", positive=True),
        close_rate=None if is_open else read_number(row.get("close_rate"), "close_rate", positive=True),
        fee_open=read_number(row.get("fee_open") or _DEFAULT_FEE, "fee_open"),
        fee_close=read_number(row.get("fee_close") or _DEFAULT_FEE, "fee_close"),
        exit_reason=str(row.get("exit_reason") or row.get("sell_reason") or ""),
        enter_tag=str(row.get("enter_tag") or row.get("buy_tag") or ""),
        stop=row.get("stop_loss"),
        low=row.get("min_rate"),
        high=row.get("max_rate"),
        funding=float(row.get("funding_fees") or 0.0),
        orders=[_order(order) for order in orders],
    )


def _order(order: StoredOrder) -> tuple[int, bool, float, float]:
    moment, is_entry, quantity, price = order
    return (
        _read_moment(moment, "orders.order_filled_date"),
        is_entry,
        read_number(quantity, "orders.filled", positive=True),
        read_number(price, "orders.average", positive=True),
    )


def _moment(row: Mapping[str, Any], name: str) -> int:
    if row.get(name) is None:
        raise RowRefused(name, "is empty")
    return _read_moment(row[name], name)


def _read_moment(value: object, name: str) -> int:
    try:
        return read_moment(value)
    except MomentError as error:
        raise RowRefused(name, str(error)) from error
