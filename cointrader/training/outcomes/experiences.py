"""Three experiences of every validated setup: what buying, selling and holding would have brought.

Buying and selling end with the trade, at the horizon; holding pays nothing and goes on to the next setup of
the series. Where a candle is missing on the way, or nothing has come yet, holding is cut short (truncated).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cointrader.settings import SimulationSettings
from cointrader.training.outcomes.labels import MINUTE_MS
from cointrader.training.outcomes.priority import training_priority
from cointrader.training.outcomes.rewards import SizedTrade, rewards
from cointrader.training.outcomes.score import hindsight_values, profitability_score, regret
from cointrader.training.outcomes.validate import Measured, OutcomeTerms
from cointrader.training.outcomes.value import experience_value
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.setup_rows import BUY, HOLD, SELL
from storage.experiences import SETUP, ExperienceRow
from storage.outcomes import PendingSetup

NOWHERE = (None, 0)


@dataclass(frozen=True)
class Links:
    """Which setup follows which: ids and moments of a series, oldest first, and whether a gap lies behind."""

    ids: IntArray
    ts_ms: IntArray
    joined: IntArray
    """1 where every bar up to the next setup is stored; the last entry is 0."""

    @classmethod
    def of(cls, series: CandleSeries, setups: Sequence[tuple[int, int]]) -> Links:
        """Links of setups (id, moment) over the candles of their series."""
        ids = np.array([id for id, _ in setups], dtype=np.int64)
        moments = np.array([moment for _, moment in setups], dtype=np.int64)
        bars = np.searchsorted(series.close_ms, moments)
        joined = np.zeros(ids.size, dtype=np.int64)
        joined[:-1] = np.diff(bars) * series.timeframe_ms == np.diff(moments)
        return cls(ids, moments, joined)

    def after(self, ts_ms: IntArray) -> list[tuple[int | None, int]]:
        """(id, moment) of the setup that follows each of these moments; `NOWHERE` where none does."""
        at = np.searchsorted(self.ts_ms, ts_ms)
        return [
            (int(self.ids[place + 1]), int(self.ts_ms[place + 1])) if self.joined[place] else NOWHERE
            for place in at.tolist()
        ]


def experiences_of(
    part: Measured,
    setups: Sequence[PendingSetup],
    novelty: FloatArray,
    age_ms: IntArray,
    links: Links,
    symbol: str,
    terms: OutcomeTerms,
    simulation: SimulationSettings,
) -> list[ExperienceRow]:
    """The rows of all three actions; `setups`, `novelty` and `age_ms` go with the rows of `part`."""
    trade = SizedTrade(simulation.size_fraction, terms.cost, part.horizon_ms / MINUTE_MS)
    rapid = np.array([setup.rapid for setup in setups])
    values = hindsight_values(part.price_return, terms.cost)
    moments = np.array([setup.ts_ms for setup in setups], dtype=np.int64)
    following = links.after(moments)
    ends = (moments + part.horizon_ms).tolist()
    paid = {
        BUY: rewards(part.price_return, 1, trade).tolist(),
        SELL: rewards(part.price_return, -1, trade).tolist(),
        HOLD: [0.0] * len(part),
    }
    rows: list[ExperienceRow] = []
    for action in (BUY, SELL, HOLD):
        score = profitability_score(values[:, action], terms.unit)
        lost = regret(values, np.full(len(part), action))
        priority = training_priority(score, np.zeros(len(part)), rapid, age_ms).tolist()
        value = experience_value(score, lost, novelty, terms.unit).tolist()
        gains = (values[:, action] > 0.0).tolist()
        for place, setup in enumerate(setups):
            next_id, next_ms = following[place] if action == HOLD else NOWHERE
            rows.append(
                ExperienceRow(
                    setup_id=setup.id,
                    position_id=None,
                    source=SETUP,
                    ts_ms=setup.ts_ms,
                    ends_ms=max(ends[place], next_ms),
                    symbol=symbol,
                    action=action,
                    reward=paid[action][place],
                    terminated=int(action != HOLD),
                    truncated=int(action == HOLD and next_id is None),
                    next_setup_id=next_id,
                    is_profitable=int(gains[place]),
                    priority=priority[place],
                    value=value[place],
                    provenance=setup.provenance,
                )
            )
    return rows
