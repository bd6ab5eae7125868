"""Trades of another program as experiences: the state at the decision, the side entered, the reward."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from cointrader.trading.reward import normalized_reward
from cointrader.training.integrating.components import FinishedTrade
from cointrader.training.outcomes.priority import training_priority
from cointrader.training.outcomes.score import hindsight_values, profitability_score, regret
from cointrader.training.outcomes.validate import OutcomeTerms
from cointrader.training.outcomes.value import experience_value
from models.candle_series import CandleSeries
from models.setup_rows import BUY, SELL
from storage.experiences import CLOSE, ExperienceRow, add_experiences

ACTIONS = {"long": BUY, "short": SELL}


def learn_trades(
    connection: sqlite3.Connection,
    series: CandleSeries,
    trades: Sequence[FinishedTrade],
    terms: OutcomeTerms,
    provenance: str,
) -> int:
    """Stores an experience for each trade at whose decision there is a validated setup; returns how many.

    The reward is the normalized one; it remembers the trades that were closed before the entry.
    """
    rows = [
        row
        for place, trade in enumerate(trades)
        if trade.symbol == series.symbol
        and (row := _experience(connection, series, trade, trades[:place], terms, provenance)) is not None
    ]
    return add_experiences(connection, rows) if rows else 0


def _experience(
    connection: sqlite3.Connection,
    series: CandleSeries,
    trade: FinishedTrade,
    earlier: Sequence[FinishedTrade],
    terms: OutcomeTerms,
    provenance: str,
) -> ExperienceRow | None:
    found = connection.execute(
        "SELECT s.id, s.rapid, o.novelty, "
        "CASE s.side WHEN 'long' THEN o.gross_return ELSE -o.gross_return END "
        "FROM setup AS s JOIN outcome AS o ON o.setup_id = s.id "
        "WHERE s.symbol = ? AND s.timeframe_ms = ? AND s.ts_ms = ?",
        (series.symbol, series.timeframe_ms, trade.signal_ms),
    ).fetchall()
    if not found:
        return None
    setup_id, rapid, novelty, price_return = found[0]
    action = ACTIONS[trade.side]
    lost = regret(hindsight_values([price_return], terms.cost), np.array([action]))
    reward = normalized_reward(
        pnl=trade.pnl,
        equity=trade.equity,
        notional=trade.notional,
        hold_minutes=(trade.closed_ms - trade.opened_ms) / 60_000.0,
        history=[each.pnl / each.equity for each in earlier if each.closed_ms <= trade.opened_ms],
    )
    score = profitability_score(np.array([trade.pnl / trade.notional]), terms.unit)
    age = np.array([series.close_ms[-1] - trade.signal_ms])
    priority = training_priority(score, np.zeros(1), np.array([rapid]), age)
    value = experience_value(score, lost, np.array([novelty]), terms.unit)
    return ExperienceRow(
        setup_id=setup_id,
        position_id=None,
        source=CLOSE,
        ts_ms=trade.signal_ms,
        ends_ms=trade.closed_ms,
        symbol=series.symbol,
        action=action,
        reward=reward.total,
        terminated=1,
        truncated=0,
        next_setup_id=None,
        is_profitable=int(trade.pnl > 0.0),
        priority=float(priority[0]),
        value=float(value[0]),
        provenance=provenance,
    )
