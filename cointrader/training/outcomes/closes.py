"""Experiences of trades that were made: the state at the signal, the side that was entered, the reward.

A close ends its experience: nothing follows it. Only positions at whose signal a setup was collected and
validated teach; of several runs over one history the first close of a moment and side is the one kept.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from cointrader.training.outcomes.priority import training_priority
from cointrader.training.outcomes.score import hindsight_values, profitability_score, regret
from cointrader.training.outcomes.validate import OutcomeTerms
from cointrader.training.outcomes.value import experience_value
from models.candle_series import CandleSeries
from models.setup_rows import BUY, SELL
from storage.experiences import CLOSE, ExperienceRow, add_experiences, closes_to_learn


def learn_closes(connection: sqlite3.Connection, series: CandleSeries, terms: OutcomeTerms) -> int:
    """Stores an experience for every closed position of the series that has none; returns how many."""
    trades = closes_to_learn(connection, series.symbol, series.timeframe_ms)
    if not trades:
        return 0
    action = np.array([BUY if trade.side == "long" else SELL for trade in trades])
    net = np.array([trade.net_return for trade in trades])
    values = hindsight_values([trade.horizon_return for trade in trades], terms.cost)
    age = series.close_ms[-1] - np.array([trade.ts_ms for trade in trades])
    score = profitability_score(net, terms.unit)
    rapid = np.array([trade.rapid for trade in trades])
    priority = training_priority(score, np.zeros(net.size), rapid, age)
    novelty = np.array([trade.novelty for trade in trades])
    value = experience_value(score, regret(values, action), novelty, terms.unit)
    rows = [
        ExperienceRow(
            setup_id=trade.setup_id,
            position_id=trade.position_id,
            source=CLOSE,
            ts_ms=trade.ts_ms,
            ends_ms=trade.closed_ms,
            symbol=series.symbol,
            action=int(action[place]),
            reward=trade.reward,
            terminated=1,
            truncated=0,
            next_setup_id=None,
            is_profitable=int(trade.net_return > 0.0),
            priority=float(priority[place]),
            value=float(value[place]),
            provenance=trade.provenance,
        )
        for place, trade in enumerate(trades)
    ]
    return add_experiences(connection, rows)
