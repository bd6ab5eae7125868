"""Rows of the bot's files into their tables; a row that is there already stays as it is."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from cointrader.histories.store import symbol_of
from cointrader.interop.cointrader2.records import BotEvent, BotPnl, BotRow, BotTrade

_EVENT = (
    *("ts_ms", "kind", "severity", "symbol", "strategy", "side", "reason", "score", "text", "data_json"),
    *("source_file_id", "line", "fingerprint"),
)
_TRADE = ("ts_ms", "symbol", "side", "amount", "price", "kind", "source_file_id", "line", "fingerprint")
_PNL = (
    *("ts_ms", "strategy", "symbol", "regime", "entry_price", "exit_price", "pnl", "confidence"),
    *("direction", "source", "fingerprint"),
)


@dataclass(frozen=True)
class NewRows:
    """How many rows were new, and from when to when new results reach (None without any)."""

    events: int = 0
    trades: int = 0
    results: int = 0
    results_from_ms: int | None = None
    results_to_ms: int | None = None

    @property
    def count(self) -> int:
        """All of them."""
        return self.events + self.trades + self.results


def store_rows(connection: sqlite3.Connection, source_file_id: int, rows: Sequence[BotRow]) -> NewRows:
    """Adds what is new; call it inside a transaction."""
    events = [_event(row, source_file_id) for row in rows if isinstance(row, BotEvent)]
    trades = [_trade(row, source_file_id) for row in rows if isinstance(row, BotTrade)]
    results = [_pnl(row) for row in rows if isinstance(row, BotPnl)]
    new_results = _add(connection, "bot_pnl", _PNL, results)
    moments = [int(str(row[0])) for row in results] if new_results else []
    return NewRows(
        _add(connection, "bot_event", _EVENT, events),
        _add(connection, "bot_trade", _TRADE, trades),
        new_results,
        min(moments, default=None),
        max(moments, default=None),
    )


def equal_trades(connection: sqlite3.Connection, source_file_id: int, base: str) -> int:
    """How many rows of a file are equal to a trade (their keys differ by a count only)."""
    found = connection.execute(
        "SELECT count(*) FROM bot_trade WHERE fingerprint > ? AND fingerprint < ? AND source_file_id = ?",
        (f"{base}#", f"{base}$", source_file_id),
    )
    return int(found.fetchall()[0][0])


def _add(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> int:
    if not rows:
        return 0
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (fingerprint) DO NOTHING"
    return connection.executemany(sql, rows).rowcount


def _event(row: BotEvent, source_file_id: int) -> tuple[object, ...]:
    data = json.dumps(dict(row.data), ensure_ascii=False) if row.data else "{}"
    score = row.score if row.score is not None and math.isfinite(row.score) else None
    return (
        *(row.ts_ms, row.kind, row.severity, symbol_of(row.symbol) if row.symbol else "", row.strategy),
        *(row.side, row.reason, score, row.text, data, source_file_id, row.line, row.key),
    )


def _trade(row: BotTrade, source_file_id: int) -> tuple[object, ...]:
    return (
        *(row.ts_ms, symbol_of(row.symbol), row.side, row.amount, row.price, row.kind),
        *(source_file_id, row.line, row.key),
    )


def _pnl(row: BotPnl) -> tuple[object, ...]:
    return (
        *(row.ts_ms, row.strategy, symbol_of(row.symbol) if row.symbol else "", row.regime),
        *(row.entry_price, row.exit_price, row.pnl, row.confidence, row.direction, row.source, row.key),
    )
