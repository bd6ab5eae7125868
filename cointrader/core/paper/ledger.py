"""What moments brought, as rows: signals, rejections, positions with their links, fills, closes, equity.

Every method writes into the caller's transaction. What is remembered here (which signal became which
position) is kept with the book by `settle`; after an error the caller reads both again and forgets this one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cointrader.core.decider import Outcome
from cointrader.core.paper.reward_memory import RewardMemory
from cointrader.core.paper.screen import Judged
from cointrader.core.reasons import Reason, reason_text
from cointrader.settings import Settings
from cointrader.trading.close_record import record_close
from cointrader.trading.contributions import Contributions
from cointrader.trading.path import position_paths
from cointrader.trading.position import ExitReason, Phase, Records
from cointrader.trading.position_columns import (
    close_columns,
    entries_of,
    entry_columns,
    fill_columns,
    reward_table,
    sides,
    training_reward,
)
from cointrader.trading.reward_columns import RewardColumns
from storage.candles import Candles
from storage.core_decisions import Refusal
from storage.insert import index_text, insert_row, insert_rows, reindex_text
from storage.opinions import keep_opinion
from storage.revision import next_rev

MANUAL = "manual"
"""The strategy of orders by hand."""

RULE_ALONE = Contributions({}, 1.0)  # no model took part in the decision


@dataclass(frozen=True)
class Closed:
    """One close: its rows are written, and what it teaches can be added in the same transaction."""

    run_id: int
    position_id: int
    signal_id: int
    trade: Records
    rewards: RewardColumns
    series: Candles
    """The bars of the symbol up to now."""


OnClose = Callable[[sqlite3.Connection, Closed], object]


def file_lessons(connection: sqlite3.Connection, closed: Closed) -> None:
    """What a close has to teach each model, and its labels, beside the close itself."""
    record_close(connection, closed.position_id, series=closed.series)


Shares = Callable[[Records, Candles], Contributions]
"""The shares of models and rule in the decision on one SIGNAL record, from the bars up to it."""


@dataclass(frozen=True)
class RunNames:
    """What the numbers of a run mean; orders by hand are the strategy after the last one."""

    run_id: int
    provenance: str
    symbols: tuple[str, ...]
    strategies: tuple[str, ...]

    @property
    def with_manual(self) -> tuple[str, ...]:
        return (*self.strategies, MANUAL)


@dataclass
class Tally:
    """Counts since the last `settle`."""

    bars: int = 0
    signals: int = 0
    rejections: int = 0
    positions: int = 0
    points: dict[int, tuple[float, float]] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)


class Ledger:
    """Writes one run's decisions. `signals` and `positions` give rows by the kernel's signal number."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        names: RunNames,
        settings: Settings,
        memory: RewardMemory,
        *,
        signals: Mapping[int, int],
        positions: Mapping[int, int],
        shares: Shares | None = None,
        on_close: Sequence[OnClose] = (file_lessons,),
    ) -> None:
        self._connection, self._names, self._settings = connection, names, settings
        self._memory, self._shares, self._on_close = memory, shares, tuple(on_close)
        self.signals, self.positions = dict(signals), dict(positions)
        self._closing: set[int] = set()
        self._undecided: dict[int, tuple[int, str]] = {}
        self._tally = Tally()

    def wishes(
        self,
        records: Records,
        numbers: Sequence[int],
        prices: Sequence[float],
        series: Callable[[int], Candles],
        judged: Sequence[Judged] = (),
    ) -> list[int]:
        """Keep SIGNAL records and what agents said of them; returns their rows.

        `numbers` are those of the kernel for signals that it decided on; `series` gives the bars of a symbol
        up to now.
        """
        rows = []
        count = zip(records, sides(records["side"]), prices, strict=True)
        for place, (record, side, price) in enumerate(count):
            shares = self._contributions(record, series)
            values: dict[str, object] = {
                "run_id": self._names.run_id,
                "ts_ms": int(record["ts_ms"]),
                "symbol": self._names.symbols[record["symbol"]],
                "strategy": self._names.with_manual[record["strategy"]],
                "side": side,
                "confidence": float(record["confidence"]),
                "price": float(price),
                "status": "accepted",
                "contributions": shares.to_json(),
                "provenance": self._names.provenance,
            }
            row = self._insert("signal", values)
            rows.append(row)
            said = judged[place] if judged else Judged()
            if said.keep is not None:
                said.keep(self._connection, row)
            if said.refusal is None:
                self.signals[numbers[place]] = row
                if shares.probability or shares.absent:
                    self._undecided[numbers[place]] = (int(record["ts_ms"]), shares.opinion_json())
            else:
                self._refuse(row, said.refusal)
        self._tally.signals += len(rows)
        return rows

    def outcome(self, outcome: Outcome, slots: Records, series: Callable[[int], Candles]) -> None:
        """Keep what a moment, or an order by hand, came to; `slots` are those in use after it.

        `series` gives the bars of a symbol up to now.
        """
        if not (slots.size or outcome.verdicts.size or outcome.trades.size):
            return
        for verdict in outcome.verdicts:
            if verdict["reason"] != Reason.ACCEPTED:
                self._reject(verdict)
        self._keep_opinions()
        known = self.positions
        filled = slots[slots["phase"] == Phase.OPEN]
        if any(number not in known for number in filled["signal"].tolist()):
            self._open(entries_of(filled[[number not in known for number in filled["signal"].tolist()]]))
        if outcome.trades.size:
            closed = outcome.trades["signal"].tolist()
            self._open(outcome.trades[[number not in known for number in closed]])
        self._close(outcome.trades, series)
        self._mark_leaving(filled)

    def point(self, now: int, outcome: Outcome, bars: int) -> None:
        """Where the account stands at a moment at which this many bars closed."""
        self._tally.bars += bars
        self._tally.points[now] = (outcome.equity, outcome.exposure)

    def settle(self, now: int) -> None:
        """Write the equity and the counts of all moments since the last time."""
        connection, tally, run_id = self._connection, self._tally, self._names.run_id
        for table, before in tally.after.items():
            index_text(connection, table, before)
        connection.executemany(
            "INSERT OR REPLACE INTO equity_point (run_id, ts_ms, equity, exposure) VALUES (?, ?, ?, ?)",
            [(run_id, ts_ms, *marked) for ts_ms, marked in tally.points.items()],
        )
        first, last = min(tally.points, default=now), max(tally.points, default=now)
        equity = tally.points[last][0] if tally.points else None
        connection.execute(
            "UPDATE trading_run SET first_ms = CASE WHEN bars = 0 THEN ? ELSE first_ms END, "
            "last_ms = max(last_ms, ?), bars = bars + ?, signals = signals + ?, rejections = rejections + ?, "
            "positions = positions + ?, end_equity = coalesce(?, end_equity), rev = ? WHERE id = ?",
            (
                *(first, last, tally.bars, tally.signals, tally.rejections, tally.positions, equity),
                *(next_rev(connection), run_id),
            ),
        )
        self._tally = Tally()

    def forget_all_but(self, slots: Records) -> None:
        """Drop the signals that are neither ordered nor open any more."""
        alive = set(slots["signal"].tolist())
        self.signals = {number: row for number, row in self.signals.items() if number in alive}
        self.positions = {number: row for number, row in self.positions.items() if number in alive}
        self._closing &= alive

    def _keep_opinions(self) -> None:
        """What models said of signals that were accepted; of rejected ones the shares are enough."""
        for number, (ts_ms, told) in self._undecided.items():
            keep_opinion(self._connection, self.signals[number], ts_ms, told)
        self._undecided.clear()

    def _contributions(self, record: Records, series: Callable[[int], Candles]) -> Contributions:
        return RULE_ALONE if self._shares is None else self._shares(record, series(int(record["symbol"])))

    def _reject(self, verdict: Any) -> None:
        reason = Reason(int(verdict["reason"]))
        limit, actual = float(verdict["limit"]), float(verdict["actual"])
        text = reason_text(reason, limit, actual)
        known = actual if np.isfinite(actual) else None
        self._undecided.pop(int(verdict["signal"]), None)
        told = Refusal(str(reason.stage), reason.code, text, limit, known)
        self._refuse(self.signals[int(verdict["signal"])], told)

    def _refuse(self, row: int, told: Refusal) -> None:
        connection = self._connection
        connection.execute("UPDATE signal SET status = 'rejected' WHERE id = ?", (row,))
        inserted = connection.execute(
            "INSERT INTO rejection (signal_id, run_id, ts_ms, symbol, strategy, side, stage, code, text, "
            "limit_value, actual_value, confidence, price, provenance) "
            "SELECT id, run_id, ts_ms, symbol, strategy, side, ?, ?, ?, ?, ?, confidence, price, provenance "
            "FROM signal WHERE id = ?",
            (told.stage, told.code, told.text, told.limit, told.actual, row),
        ).lastrowid
        self._tally.after.setdefault("rejection", int(inserted or 0) - 1)
        self._tally.rejections += 1

    def _open(self, trades: Records) -> None:
        """Positions with their link to the signal and their first fill."""
        if not trades.size:
            return
        columns = entry_columns(trades, self._names.symbols, self._names.with_manual)
        for number, values in zip(trades["signal"].tolist(), _rows(columns), strict=True):
            signal_id = self.signals[number]
            (shares,) = self._connection.execute(
                "SELECT contributions FROM signal WHERE id = ?", (signal_id,)
            ).fetchone()
            told: dict[str, object] = {
                "run_id": self._names.run_id,
                "state": "open",
                "origin": MANUAL if values["strategy"] == MANUAL else "signal",
                "provenance": self._names.provenance,
                "contributions": shares,
                "fees": self._fee * float(str(values["notional"])),
                "rev": next_rev(self._connection),
            }
            position_id = self._insert("position", {**values, **told})
            self.positions[number] = position_id
            link = ("position_id", "signal_id", "created_ms")
            insert_row(
                self._connection, "signal_position", link, (position_id, signal_id, values["opened_ms"])
            )
        self._fills(trades, "entry")
        self._tally.positions += int(trades.size)

    def _close(self, trades: Records, series: Callable[[int], Candles]) -> None:
        """Closes with exit fill, reward and path, and whatever else stands or falls with them."""
        if not trades.size:
            return
        formula = self._settings.reward.formula
        rewards = self._memory.add(trades)
        self._fills(trades, "exit")
        changes = _rows(close_columns(trades, training_reward(rewards, formula)))
        paid = _rows(reward_table(trades, rewards, formula))
        for place, (change, reward) in enumerate(zip(changes, paid, strict=True)):
            trade = trades[place : place + 1]
            number = int(trade["signal"][0])
            position_id = self.positions[number]
            self._update(position_id, change)
            self._add_reward(position_id, reward)
            known = series(int(trade["symbol"][0]))
            self._add_path(position_id, trade, known)
            if position_id <= self._tally.after.get("position", position_id):
                reindex_text(self._connection, "position", position_id)
            one = {name: values[place : place + 1] for name, values in vars(rewards).items()}
            closed = Closed(
                self._names.run_id, position_id, self.signals[number], trade, RewardColumns(**one), known
            )
            for teach in self._on_close:
                teach(self._connection, closed)

    def _mark_leaving(self, filled: Records) -> None:
        """Positions whose exit is ordered for the next open are closing."""
        for slot in filled[filled["exit_reason"] != ExitReason.NONE]:
            number = int(slot["signal"])
            if number not in self._closing:
                self._closing.add(number)
                reason = ExitReason(int(slot["exit_reason"])).label
                self._update(self.positions[number], {"state": "closing", "exit_reason": reason})

    def _update(self, position_id: int, values: Mapping[str, object]) -> None:
        told = {**values, "rev": next_rev(self._connection)}
        assignments = ", ".join(f"{name} = ?" for name in told)
        self._connection.execute(
            f"UPDATE position SET {assignments} WHERE id = ?", (*told.values(), position_id)
        )

    def _add_reward(self, position_id: int, reward: Mapping[str, object]) -> None:
        told = {"position_id": position_id, "close_number": 1, "run_id": self._names.run_id, **reward}
        insert_row(self._connection, "reward", tuple(told), tuple(told.values()))

    def _add_path(self, position_id: int, trade: Records, series: Candles) -> None:
        alone = trade.copy()
        alone["symbol"] = 0
        (path,) = position_paths((series,), alone)
        columns = ("position_id", "first_ms", "step_ms", "entry_index", "exit_index", "closes")
        insert_row(self._connection, "position_path", columns, (position_id, *path))

    def _fills(self, trades: Records, kind: str) -> None:
        ids = [self.positions[number] for number in trades["signal"].tolist()]
        columns = {"position_id": ids, **fill_columns(trades, kind, self._fee)}
        rows = zip(*columns.values(), strict=True)
        insert_rows(self._connection, "position_fill", tuple(columns), rows)

    @property
    def _fee(self) -> float:
        return self._settings.simulation.fee_bps * 1e-4

    def _insert(self, table: str, values: Mapping[str, object]) -> int:
        row = insert_row(self._connection, table, tuple(values), tuple(values.values()))
        self._tally.after.setdefault(table, row - 1)
        return row


def _rows(columns: Mapping[str, Iterable[object]]) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
