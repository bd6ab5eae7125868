"""The positions behind the bot's list of trades, kept up with it.

The list knows neither strategy nor fee. The strategy, and the confidence of the signal, come from the exit in
strategy_pnl.csv that has the same symbol and lies within two seconds; the fee is that of the settings.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from cointrader.histories.store import StoredHistory, store_history
from cointrader.interop.cointrader2.results_csv import STRATEGY_PNL
from cointrader.interop.cointrader2.units import NEAR_MS
from cointrader.interop.lots import Execution, pair_first_in_first_out
from cointrader.interop.trade_history import ImportedTrade, KnownSignal, TradeHistory
from cointrader.settings import Settings

PROGRAM = "coinTrader2.0"

_Exit = tuple[int, str, float | None]  # moment, strategy, confidence


def keep_positions(
    connection: sqlite3.Connection, trades_path: str, settings: Settings
) -> StoredHistory | None:
    """Pairs all fills that a list of trades has had and keeps what is new; None without a fill.

    Call it inside a transaction.
    """
    rows = connection.execute(
        "SELECT bot_trade.line, ts_ms, bot_trade.symbol, side, amount, price FROM bot_trade "
        "JOIN source_file ON source_file.id = source_file_id "
        "WHERE bot_trade.kind = 'fill' AND source_file.path = ? ORDER BY bot_trade.id",
        (trades_path,),
    ).fetchall()
    if not rows:
        return None
    rate = settings.bot.fee_bps * 1e-4
    executions = [
        Execution(line, moment, symbol, side, amount, price, rate * amount * price, PROGRAM)
        for line, moment, symbol, side, amount, price in rows
    ]
    exits = _exits(connection)
    trades = tuple(_with_strategy(trade, exits) for trade in pair_first_in_first_out(executions))
    history = TradeHistory(PROGRAM, len(rows), trades)
    source = str(PurePath(trades_path).parent)
    return store_history(connection, history, source=source, settings=settings.reward)


def _exits(connection: sqlite3.Connection) -> dict[str, list[_Exit]]:
    found: dict[str, list[_Exit]] = defaultdict(list)
    rows = connection.execute(
        f"SELECT symbol, ts_ms, strategy, confidence FROM bot_pnl WHERE source = '{STRATEGY_PNL}' "
        "ORDER BY ts_ms, id"
    ).fetchall()
    for symbol, *exit in rows:
        found[symbol].append((exit[0], exit[1], exit[2]))
    return found


def _with_strategy(trade: ImportedTrade, exits: dict[str, list[_Exit]]) -> ImportedTrade:
    if trade.closed_ms is None:
        return trade
    near = _near(exits.get(trade.pair, ()), trade.closed_ms)
    if near is None:
        return trade
    _, strategy, confidence = near
    known = None if confidence is None else KnownSignal(trade.opened_ms, confidence, trade.entry_price)
    return replace(trade, strategy=strategy, signal=known)


def _near(exits: Sequence[_Exit], moment: int) -> _Exit | None:
    """The exit that is nearest to a moment, and near enough."""
    nearest = min(exits, key=lambda exit: abs(exit[0] - moment), default=None)
    return nearest if nearest is not None and abs(nearest[0] - moment) <= NEAR_MS else None
