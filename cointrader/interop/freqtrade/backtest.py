"""freqtrade's export of a backtest: JSON, alone or in a zip archive beside its configuration.

A file may hold several strategies; each trade carries the name of its own. All trades of a strategy's
`trades` are read; locks and statistics are not, as they follow from the trades.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cointrader.interop.csv_table import RowRefused, read_number
from cointrader.interop.file_kind import FileRefused, SourceContent
from cointrader.interop.freqtrade.trade import PROGRAM, FreqtradeTrade, imported
from cointrader.interop.moments import MomentError, read_moment
from cointrader.interop.trade_history import ImportedTrade, TradeHistory
from storage.quarantine import QuarantineRow

LARGEST_BYTES = 1 << 30
"""A larger export is refused: JSON is read whole."""


def is_freqtrade_backtest(head: bytes) -> bool:
    """Whether a file begins as an export of a backtest does."""
    start = head.lstrip()
    return start.startswith(b"{") and b'"strategy"' in head[:4096] and b'"trades"' in head[:8192]


def read_freqtrade_backtest(path: Path, name: str) -> TradeHistory:
    """The trades of an export, closed ones and those it left open. Raises FileRefused."""
    document = _document(path, name)
    strategies = document.get("strategy")
    if not isinstance(strategies, Mapping):
        raise FileRefused(name, 1, "strategy", "must map names of strategies to their results")
    trades: list[ImportedTrade] = []
    refused: list[QuarantineRow] = []
    rows = 0
    for strategy, record in _records(strategies, name):
        rows += 1
        try:
            trades.append(imported(_trade(record, strategy, rows)))
        except RowRefused as error:
            refused.append(QuarantineRow(rows, error.field, error.reason, json.dumps(record)[:500]))
    balances = [result.get("starting_balance") for result in strategies.values()]
    equity = float(balances[0]) if balances and isinstance(balances[0], int | float) else None
    return TradeHistory(PROGRAM, rows, tuple(trades), tuple(refused), equity)


def _records(strategies: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for strategy, result in strategies.items():
        listed = result.get("trades") if isinstance(result, Mapping) else None
        if not isinstance(listed, list):
            raise FileRefused(name, 1, f"strategy.{strategy}.trades", "must be a list of trades")
        for record in listed:
            yield strategy, record if isinstance(record, Mapping) else {}


def _document(path: Path, name: str) -> Mapping[str, Any]:
    content = SourceContent(path)
    if content.size > LARGEST_BYTES:
        raise FileRefused(name, 0, "file", "is larger than 1 GiB, too large for one JSON document")
    try:
        if content.head(2) == b"PK":
            text = _unzipped(path, name)
        else:
            with content.open() as stream:
                text = stream.read()
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise FileRefused(name, error.lineno, "file", f"is not whole JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise FileRefused(name, 0, "file", f"is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise FileRefused(name, 1, "file", "must be a JSON object")
    return document


def _unzipped(path: Path, name: str) -> bytes:
    """The export inside an archive: its one JSON document that names strategies."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".json") or member.file_size > LARGEST_BYTES:
                    continue
                with archive.open(member) as stream:
                    if is_freqtrade_backtest(stream.read(8192)):
                        return archive.read(member)
    except zipfile.BadZipFile as error:
        raise FileRefused(name, 0, "file", f"is no zip archive that can be read: {error}") from error
    raise FileRefused(name, 0, "file", "holds no export of a backtest")


def _trade(record: Mapping[str, Any], strategy: str, line: int) -> FreqtradeTrade:
    pair = record.get("pair")
    if not isinstance(pair, str) or not pair:
        raise RowRefused("pair", "is missing")
    is_open = bool(record.get("is_open"))
    return FreqtradeTrade(
        line=line,
        pair=pair,
        strategy=strategy,
        is_short=bool(record.get("is_short")),
        is_open=is_open,
        opened_ms=_moment(record, "open"),
        closed_ms=None if is_open else _moment(record, "close"),
        amount=read_number(record.get("amount"), "amount", positive=True),
        open_rate=read_number(record.get("open_rate"), "open_rate", positive=True),
        close_rate=None if is_open else read_number(record.get("close_rate"), "close_rate", positive=True),
        fee_open=read_number(record.get("fee_open") or 0.0, "fee_open"),
        fee_close=read_number(record.get("fee_close") or 0.0, "fee_close"),
        exit_reason=str(record.get("exit_reason") or record.get("sell_reason") or ""),
        enter_tag=str(record.get("enter_tag") or record.get("buy_tag") or ""),
        stop=record.get("stop_loss_abs"),
        low=record.get("min_rate"),
        high=record.get("max_rate"),
        funding=float(record.get("funding_fees") or 0.0),
        orders=_orders(record),
    )


def _orders(record: Mapping[str, Any]) -> tuple[tuple[int, bool, float, float], ...]:
    orders = []
    for order in record.get("orders") or ():
        moment, amount, price = (order.get(key) for key in ("order_filled_timestamp", "amount", "safe_price"))
        if not moment or not amount or not price:
            continue
        orders.append(
            (
                _read_moment(moment, "orders.order_filled_timestamp"),
                bool(order.get("ft_is_entry")),
                read_number(amount, "orders.amount", positive=True),
                read_number(price, "orders.safe_price", positive=True),
            )
        )
    return tuple(orders)


def _moment(record: Mapping[str, Any], which: str) -> int:
    value = record.get(f"{which}_timestamp") or record.get(f"{which}_date")
    if value is None:
        raise RowRefused(f"{which}_date", "is missing")
    return _read_moment(value, f"{which}_date")


def _read_moment(value: object, name: str) -> int:
    try:
        return read_moment(value)
    except MomentError as error:
        raise RowRefused(name, str(error)) from error
