"""Keep a trade history: a trading run of kind `import`, its positions, fills, signals and rewards.

A history that has grown since it was kept (the bot traded on) becomes more of the same run: positions that
were open are closed, new ones are added. Whoever calls opens the transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cointrader import __version__
from cointrader.data_feeds.instrument import InstrumentError, parse_instrument
from cointrader.histories.outcomes import REWARD_COLUMNS, Account, account_of, rewards_of
from cointrader.interop.trade_history import ImportedTrade, TradeHistory
from cointrader.settings import RewardSettings
from storage.clock import now_ms
from storage.errors import StorageError
from storage.insert import index_text, insert_row, insert_rows, reindex_text
from storage.revision import next_rev

PROVENANCE = "import"
RULE_ALONE = '{"rule":1.0}'
NOTHING_KNOWN = "{}"
"""The contributions of a position whose signal no history tells of."""


@dataclass(frozen=True)
class StoredHistory:
    """What was kept: `added` positions are new, `changed` were there and have gone on."""

    run_id: int
    added: int
    changed: int
    closed: int
    open: int
    pnl: float
    account: Account


@dataclass(frozen=True)
class _Known:
    """A position that is there already."""

    id: int
    symbol: str
    side: str
    opened_ms: int
    state: str
    strategy: str
    fills: int
    has_signal: bool


def store_history(
    connection: sqlite3.Connection, history: TradeHistory, *, source: str, settings: RewardSettings
) -> StoredHistory:
    """Keeps a history, whole or what is new of it; `source` is what its file or folder is known by.

    Call it inside a transaction. Raises StorageError for a history without trades.
    """
    if not history.trades:
        raise StorageError(f"{source}: there are no trades to keep")
    trades = tuple(replace(trade, pair=symbol_of(trade.pair)) for trade in history.trades)
    run_id, known, start = _run_to_extend(connection, history.program, source, trades)
    account = account_of(trades, history.start_equity if start is None else start)
    rewards = rewards_of(trades, account, settings)
    rev = next_rev(connection)
    if run_id == 0:
        columns = _run_columns(history.program, source, trades, account, rev)
        run_id = insert_row(connection, "trading_run", tuple(columns), tuple(columns.values()))
    else:
        columns = _run_columns(history.program, source, trades, account, rev)
        assignments = ", ".join(f'"{name}" = ?' for name in columns)
        connection.execute(f"UPDATE trading_run SET {assignments} WHERE id = ?", (*columns.values(), run_id))
    keeper = _Keeper(connection, run_id, account, rewards, settings.formula, rev)
    changed = sum(keeper.go_on(place, trades[place], before) for place, before in enumerate(known))
    keeper.add(len(known), trades[len(known) :])
    _store_equity(connection, run_id, account)
    closed = sum(trade.closed_ms is not None for trade in trades)
    return StoredHistory(
        run_id=run_id,
        added=len(trades) - len(known),
        changed=changed,
        closed=closed,
        open=len(trades) - closed,
        pnl=sum(trade.pnl for trade in trades),
        account=account,
    )


@lru_cache(maxsize=4096)
def symbol_of(pair: str) -> str:
    """The spelling that is used inside; a name that is no pair of currencies stays as it is."""
    try:
        return parse_instrument(pair).symbol
    except InstrumentError:
        return pair.strip()


def _run_to_extend(
    connection: sqlite3.Connection, program: str, source: str, trades: Sequence[ImportedTrade]
) -> tuple[int, list[_Known], float | None]:
    """The run that an earlier reading of the same source made, if this one goes on from it."""
    found = connection.execute(
        "SELECT id, start_equity FROM trading_run WHERE kind = 'import' "
        "AND json_extract(settings_json, '$.source') = ? AND json_extract(settings_json, '$.program') = ? "
        "ORDER BY id DESC LIMIT 1",
        (source, program),
    ).fetchall()
    if not found:
        return 0, [], None
    rows = connection.execute(
        "SELECT id, symbol, side, opened_ms, state, strategy, "
        "(SELECT count(*) FROM position_fill WHERE position_id = position.id), "
        "EXISTS (SELECT 1 FROM signal_position WHERE position_id = position.id) "
        "FROM position WHERE run_id = ? ORDER BY id",
        (found[0][0],),
    ).fetchall()
    known = [_Known(*row) for row in rows]
    if len(known) > len(trades) or not all(map(_goes_on, known, trades)):
        return 0, [], None
    return int(found[0][0]), known, float(found[0][1])


def _goes_on(known: _Known, trade: ImportedTrade) -> bool:
    is_same = (known.symbol, known.side, known.opened_ms) == (trade.pair, trade.side, trade.opened_ms)
    is_open = trade.closed_ms is None
    return is_same and known.fills <= len(trade.fills) and not (known.state == "closed" and is_open)


def _run_columns(
    program: str, source: str, trades: Sequence[ImportedTrade], account: Account, rev: int
) -> dict[str, object]:
    closes = [trade.closed_ms for trade in trades if trade.closed_ms is not None]
    opens = [trade.opened_ms for trade in trades]
    now = now_ms()
    wins = sum(trade.pnl > 0.0 for trade in trades if trade.closed_ms is not None)
    metrics = {
        "trades": len(closes),
        "wins": wins,
        "net": sum(trade.pnl for trade in trades),
        "fees": sum(trade.fees for trade in trades),
    }
    return {
        "kind": "import",
        "provenance": PROVENANCE,
        "state": "succeeded",
        "strategies": ",".join(sorted({trade.strategy for trade in trades})),
        "symbols": ",".join(sorted({trade.pair for trade in trades})),
        "settings_json": json.dumps(
            {"source": source, "program": program, "equity_assumed": account.is_assumed}, sort_keys=True
        ),
        "metrics_json": json.dumps(metrics, sort_keys=True),
        "first_ms": min(opens),
        "last_ms": max(opens + closes),
        "bars": 0,
        "signals": sum(trade.signal is not None for trade in trades),
        "rejections": 0,
        "positions": len(trades),
        "start_equity": account.start,
        "end_equity": account.end,
        "started_ms": now,
        "ended_ms": now,
        "code_version": __version__,
        "rev": rev,
    }


class _Keeper:
    """Writes the trades of one run; places count from the first trade of the history."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        run_id: int,
        account: Account,
        rewards: Mapping[int, tuple[float, ...]],
        formula: str,
        rev: int,
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._account = account
        self._rewards = rewards
        self._formula = formula
        self._rev = rev

    def go_on(self, place: int, trade: ImportedTrade, known: _Known) -> bool:
        """Adds to a position what has happened since; False when nothing has."""
        is_closing = known.state != "closed" and trade.closed_ms is not None
        is_told = known.strategy != trade.strategy or (trade.signal is not None and not known.has_signal)
        if known.fills == len(trade.fills) and not is_closing and not is_told:
            return False
        columns = self._columns(place, trade)
        assignments = ", ".join(f'"{name}" = ?' for name in columns)
        values = (*columns.values(), known.id)
        self._connection.execute(f"UPDATE position SET {assignments} WHERE id = ?", values)
        reindex_text(self._connection, "position", known.id)
        self._store_fills({known.id: trade}, known.fills)
        if is_closing:
            self._store_rewards({known.id: (place, trade)})
        if trade.signal is not None and not known.has_signal:
            index_text(self._connection, "signal", self._store_signal(known.id, trade) - 1)
        return True

    def add(self, first: int, trades: Sequence[ImportedTrade]) -> None:
        """Adds new positions, their signals where they are known, fills and rewards."""
        if not trades:
            return
        held: dict[int, tuple[int, ImportedTrade]] = {}
        signals: list[int] = []
        for place, trade in enumerate(trades, start=first):
            columns = self._columns(place, trade)
            position_id = insert_row(self._connection, "position", tuple(columns), tuple(columns.values()))
            held[position_id] = (place, trade)
            if trade.signal is not None:
                signals.append(self._store_signal(position_id, trade))
        if signals:
            index_text(self._connection, "signal", signals[0] - 1)
        index_text(self._connection, "position", min(held) - 1)
        self._store_fills({position_id: trade for position_id, (_, trade) in held.items()}, 0)
        closed = {key: value for key, value in held.items() if value[1].closed_ms is not None}
        self._store_rewards(closed)

    def _columns(self, place: int, trade: ImportedTrade) -> dict[str, object]:
        equity = self._account.before[place]
        closed = trade.closed_ms
        return {
            "run_id": self._run_id,
            "symbol": trade.pair,
            "strategy": trade.strategy,
            "side": trade.side,
            "state": "open" if closed is None else "closed",
            "origin": "import",
            "provenance": PROVENANCE,
            "opened_ms": trade.opened_ms,
            "closed_ms": closed or 0,
            "qty": trade.qty,
            "entry_price": trade.entry_price,
            "exit_price": trade.exit_price,
            "stop_price": trade.stop_price,
            "exit_reason": trade.exit_reason,
            "notional": trade.notional,
            "equity_at_entry": equity,
            "gross": trade.gross,
            "fees": trade.fees,
            "funding": trade.funding,
            "pnl": trade.pnl,
            "return_account": trade.pnl / equity,
            "return_notional": trade.pnl / trade.notional,
            "hold_ms": 0 if closed is None else max(0, closed - trade.opened_ms),
            "mae": trade.mae,
            "mfe": trade.mfe,
            "reward": self._rewards[place][0] if closed is not None else 0.0,
            "contributions": RULE_ALONE if trade.signal is not None else NOTHING_KNOWN,
            "rev": self._rev,
        }

    def _store_signal(self, position_id: int, trade: ImportedTrade) -> int:
        signal = trade.signal
        if signal is None:
            raise StorageError(f"position {position_id} has no signal that is known")
        columns = (
            *("run_id", "ts_ms", "symbol", "strategy", "side", "confidence", "price", "status"),
            *("contributions", "provenance"),
        )
        values = (
            *(self._run_id, signal.ts_ms, trade.pair, trade.strategy, trade.side, signal.confidence),
            *(signal.price, "accepted", RULE_ALONE, PROVENANCE),
        )
        signal_id = insert_row(self._connection, "signal", columns, values)
        link = (position_id, signal_id, trade.opened_ms)
        insert_row(self._connection, "signal_position", ("position_id", "signal_id", "created_ms"), link)
        return signal_id

    def _store_fills(self, trades: Mapping[int, ImportedTrade], after: int) -> None:
        columns = (
            *("position_id", "ts_ms", "kind", "side", "qty", "price", "raw_price", "fee", "slippage"),
            "reason",
        )
        rows = (
            (
                key,
                fill.ts_ms,
                fill.kind,
                fill.side,
                fill.qty,
                fill.price,
                fill.price,
                fill.fee,
                0.0,
                fill.reason,
            )
            for key, trade in trades.items()
            for fill in trade.fills[after:]
        )
        insert_rows(self._connection, "position_fill", columns, rows)

    def _store_rewards(self, closed: Mapping[int, tuple[int, ImportedTrade]]) -> None:
        columns = ("position_id", "close_number", "run_id", "ts_ms", "formula", *REWARD_COLUMNS)
        rows = (
            (key, 1, self._run_id, trade.closed_ms, self._formula, *self._rewards[place])
            for key, (place, trade) in closed.items()
        )
        insert_rows(self._connection, "reward", columns, rows)


def _store_equity(connection: sqlite3.Connection, run_id: int, account: Account) -> None:
    """The account at each change; points that an earlier reading has kept and nothing changed stay."""
    connection.executemany(
        "INSERT INTO equity_point (run_id, ts_ms, equity, exposure) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (run_id, ts_ms) DO UPDATE SET equity = excluded.equity, exposure = excluded.exposure "
        "WHERE equity <> excluded.equity OR exposure <> excluded.exposure",
        [(run_id, *point) for point in account.points],
    )
