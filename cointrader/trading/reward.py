"""The reward of a closed position, in two formulas; both are kept for every close, one of them trains.

Inputs are frozen at the entry: equity E, notional N, and the account returns h of up to 20 trades that were
closed before it. At the close: net profit, hold in minutes m.

normalized (trains by default; unchanged when account and position are scaled together, bounded):
    R = tanh(ret/0.005) + 0.20 tanh(rho/0.01) + 0.05 tanh(ret/s20) - min(0.25, 0.001 max(0, m - 5)) + w streak
    ret = pnl/E, rho = pnl/N, s20 = max(std0(h) where h has 5 or more, else 10 bps; 10 bps)

comprehensive (money; depends on the size of the account and grows without bound when results are equal):
    C = 10 pnl + t + 2 risk + 0.5 consistency + streak
    t = -0.001 max(0, m - 5), risk = pnl/(q p/B + 0.01), consistency = pnl/(std0(last 20 pnls) + 0.001)
    streak = min(0.1, 0.02 wins) after a gain, else -min(0.2, 0.05 losses)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

HISTORY = 20  # trades that a reward remembers
LEAST_HISTORY = 5
FLOOR = 10e-4
FREE_MINUTES = 5.0
LEAST_WEIGHT = 0.1


@dataclass(frozen=True)
class NormalizedReward:
    """The terms of the normalized formula, each with its weight; `total` is their sum."""

    on_return: float
    on_notional: float
    on_consistency: float
    on_time: float
    on_streak: float

    @property
    def total(self) -> float:
        """R."""
        return self.on_return + self.on_notional + self.on_consistency + self.on_time + self.on_streak


@dataclass(frozen=True)
class ComprehensiveReward:
    """The parts of the comprehensive formula before their weights; `terms` are weighted and add up."""

    pnl: float
    time: float
    risk: float
    consistency: float
    streak: float

    @property
    def terms(self) -> tuple[float, float, float, float, float]:
        """(pnl, time, risk, consistency, streak) with their weights 10, 1, 2, 0.5, 1."""
        return self.pnl * 10.0, self.time, 2.0 * self.risk, 0.5 * self.consistency, self.streak

    @property
    def total(self) -> float:
        """C."""
        return math.fsum(self.terms)


def normalized_reward(
    *,
    pnl: float,
    equity: float,
    notional: float,
    hold_minutes: float,
    history: Sequence[float],
    streak: float = 0.0,
    streak_weight: float = 0.0,
) -> NormalizedReward:
    """The normalized reward of one close; `history` are account returns known at the entry, oldest first.

    `streak` is that of `streak_reward`. Raises ValueError for an equity or notional that is not positive and
    for any number that is not finite.
    """
    _refuse_unusable(equity, notional, (pnl, hold_minutes, streak, *history[-HISTORY:]))
    on_account, on_notional = pnl / equity, pnl / notional
    recent = history[-HISTORY:]
    spread = max(_std(recent) if len(recent) >= LEAST_HISTORY else FLOOR, FLOOR)
    return NormalizedReward(
        on_return=math.tanh(on_account / 0.005),
        on_notional=0.20 * math.tanh(on_notional / 0.01),
        on_consistency=0.05 * math.tanh(on_account / spread),
        on_time=-min(0.25, 0.001 * max(0.0, hold_minutes - FREE_MINUTES)),
        on_streak=streak_weight * streak,
    )


def comprehensive_reward(
    *,
    pnl: float,
    quantity: float,
    price: float,
    balance: float,
    hold_minutes: float,
    recent: Sequence[float],
    wins: int,
    losses: int,
) -> ComprehensiveReward:
    """The comprehensive reward of one close; `recent` are the last profits, this one included.

    `wins` and `losses` are the lengths of the running streaks, this close included. Raises ValueError for a
    balance or notional that is not positive and for any number that is not finite.
    """
    _refuse_unusable(balance, quantity * price, (pnl, hold_minutes, *recent[-HISTORY:]))
    last = recent[-HISTORY:]
    return ComprehensiveReward(
        pnl=pnl,
        time=-0.001 * max(0.0, hold_minutes - FREE_MINUTES),
        risk=pnl / (quantity * price / balance + 0.01),
        consistency=pnl / (_std(last) + 0.001) if len(last) >= 2 else 0.0,
        streak=streak_reward(pnl, wins, losses),
    )


def streak_reward(pnl: float, wins: int, losses: int) -> float:
    """min(0.1, 0.02 wins) after a gain, else -min(0.2, 0.05 losses)."""
    return min(0.1, 0.02 * wins) if pnl > 0.0 else -min(0.2, 0.05 * losses)


def small_move_weight(pnl: float, notional: float, round_trip_cost: float) -> float:
    """min(1, |pnl/notional| / cost), at least 0.1: a move within its costs teaches less, never nothing.

    `round_trip_cost` is a fraction of the notional; where trading is free every move counts in full.
    """
    if round_trip_cost <= 0.0:
        return 1.0
    return max(LEAST_WEIGHT, min(1.0, abs(pnl / notional) / round_trip_cost))


def _std(values: Sequence[float]) -> float:
    """Population standard deviation."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _refuse_unusable(equity: float, notional: float, numbers: Sequence[float]) -> None:
    if not all(math.isfinite(number) for number in (equity, notional, *numbers)):
        raise ValueError("a reward needs finite numbers")
    if equity <= 0.0 or notional <= 0.0:
        raise ValueError(f"equity and notional must be positive, got {equity} and {notional}")
