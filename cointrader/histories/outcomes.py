"""What the trades of a history were worth: the account they lived on, and the reward of each close."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cointrader.interop.trade_history import ImportedTrade, direction, peak_exposure
from cointrader.settings import RewardSettings
from cointrader.trading.position import TRADE
from cointrader.trading.reward_columns import reward_columns

REWARD_COLUMNS = (
    *("total", "weight", "normalized", "n_return", "n_notional", "n_consistency", "n_time", "n_streak"),
    *("comprehensive", "c_pnl", "c_time", "c_risk", "c_consistency", "c_streak"),
)


@dataclass(frozen=True)
class Account:
    """The account behind a history: what it held at the start, before each trade, and at each close.

    `is_assumed`: the history does not say it; the most that was in the market at once stands for it.
    """

    start: float
    is_assumed: bool
    before: tuple[float, ...]  # by the place of the trade
    points: tuple[tuple[int, float, float], ...]  # (moment, equity, exposure in money) at each change

    @property
    def end(self) -> float:
        """What it held after the last close."""
        return self.points[-1][1] if self.points else self.start


def account_of(trades: Sequence[ImportedTrade], start: float | None) -> Account:
    """The account along the trades; `start` is what is known of its beginning."""
    assumed = start is None or start <= 0.0
    first = peak_exposure(trades) if assumed or start is None else start
    steps: list[tuple[int, int, int]] = []  # closes before entries of the same moment
    for place, trade in enumerate(trades):
        steps.append((trade.opened_ms, 1, place))
        if trade.closed_ms is not None:
            steps.append((max(trade.closed_ms, trade.opened_ms), 2 if _is_instant(trade) else 0, place))
    before = [first] * len(trades)
    equity, exposure = first, 0.0
    points: dict[int, tuple[int, float, float]] = {}
    for moment, step, place in sorted(steps):
        trade = trades[place]
        if step == 1:
            # An account that lost more than it had (its size was assumed) still measures by its start.
            before[place] = equity if equity > 0.0 else first
            exposure += trade.notional
        else:
            equity += trade.pnl
            exposure = max(0.0, exposure - trade.notional)
        points[moment] = (moment, equity, exposure)
    return Account(first, assumed, tuple(before), tuple(points.values()))


def _is_instant(trade: ImportedTrade) -> bool:
    return trade.closed_ms is not None and trade.closed_ms <= trade.opened_ms


def rewards_of(
    trades: Sequence[ImportedTrade], account: Account, settings: RewardSettings
) -> dict[int, tuple[float, ...]]:
    """The reward of every closed trade by its place, in the order of REWARD_COLUMNS.

    The cost of a round trip, by which small moves weigh less, is what the history itself has paid.
    """
    closed = sorted(
        (place for place, trade in enumerate(trades) if trade.closed_ms is not None),
        key=lambda place: (trades[place].closed_ms, place),
    )
    if not closed:
        return {}
    records = np.zeros(len(closed), dtype=TRADE)
    for row, place in enumerate(closed):
        trade = trades[place]
        record = records[row]
        record["side"], record["quantity"] = direction(trade.side), trade.qty
        record["entry_ms"], record["exit_ms"] = trade.opened_ms, trade.closed_ms
        record["entry_price"], record["notional"] = trade.entry_price, trade.notional
        record["equity"], record["net"] = account.before[place], trade.pnl
    fees = math.fsum(trades[place].fees for place in closed)
    cost = fees / math.fsum(trades[place].notional for place in closed)
    columns = reward_columns(records, cost, settings.streak_weight)
    chosen = columns.normalized if settings.formula == "normalized" else columns.comprehensive
    parts = (
        chosen.tolist(),
        columns.weight.tolist(),
        columns.normalized.tolist(),
        *columns.normalized_terms.T.tolist(),
        columns.comprehensive.tolist(),
        *columns.comprehensive_terms.T.tolist(),
    )
    return dict(zip(closed, zip(*parts, strict=True), strict=True))
