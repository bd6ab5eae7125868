"""What an account earned, and at what risk: pure functions over equity and closed trades.

Returns are daily, net of all costs, over the account's equity; a day without a trade counts as 0; a year has
365 days. A measure that is not defined for a record is None: there are no sentinel numbers. The ratios follow
Sharpe (The Sharpe Ratio, Journal of Portfolio Management, 1994) and Sortino and van der Meer (1991).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]

DAY_MS = 86_400_000
DAYS_A_YEAR = 365
LEAST_DAYS = 30
SMALLEST_STD = 1e-12


def daily_returns(close_ms: TimeArray, equity: FloatArray, start_equity: float) -> FloatArray:
    """Net return of each UTC day from the first to the last, days without a bar as 0.

    A bar that closes at midnight belongs to the day that ends there.
    """
    if close_ms.size == 0:
        return np.empty(0)
    first, last = (int(close_ms[0]) - 1) // DAY_MS, (int(close_ms[-1]) - 1) // DAY_MS
    midnights = np.arange(first + 1, last + 2) * DAY_MS
    ends = equity[np.searchsorted(close_ms, midnights, side="right") - 1]
    before = np.concatenate(([start_equity], ends[:-1]))
    return np.asarray(ends / before - 1.0)


def sharpe(returns: FloatArray, least: int = LEAST_DAYS) -> float | None:
    """mean/std1 sqrt(365); None below `least` days or where nothing varied."""
    if returns.size < max(least, 2):
        return None
    std = float(returns.std(ddof=1))
    return None if std < SMALLEST_STD else float(returns.mean()) / std * math.sqrt(DAYS_A_YEAR)


def sortino(returns: FloatArray, least: int = LEAST_DAYS) -> float | None:
    """mean over the root mean square of the negative days, times sqrt(365); None without one."""
    negative = returns[returns < 0.0]
    if returns.size < max(least, 2) or negative.size == 0:
        return None
    downside = math.sqrt(float(np.mean(negative * negative)))
    return None if downside < SMALLEST_STD else float(returns.mean()) / downside * math.sqrt(DAYS_A_YEAR)


def max_drawdown(equity: FloatArray) -> float:
    """max(1 - E/cummax E): the deepest fall from a peak, 0..1; 0 for an empty record."""
    return float(_drawdown(np.ascontiguousarray(equity), 0.0))


@kernel
def _drawdown(equity: FloatArray, peak: float) -> float:
    deepest = 0.0
    for value in equity:
        if value > peak:
            peak = value
        else:
            deepest = max(deepest, 1.0 - value / peak)
    return deepest


def win_rate(pnl: FloatArray) -> float | None:
    """wins/(wins + losses); draws stand apart; None without either."""
    wins, losses = int((pnl > 0).sum()), int((pnl < 0).sum())
    return wins / (wins + losses) if wins + losses else None


def profit_factor(pnl: FloatArray) -> float | None:
    """Sum of gains over the sum of losses, in money; None without losses."""
    losses = -float(pnl[pnl < 0].sum())
    return float(pnl[pnl > 0].sum()) / losses if losses > 0.0 else None


def expectancy(pnl: FloatArray) -> float | None:
    """Mean net profit a trade, in money; None without trades."""
    return float(pnl.mean()) if pnl.size else None


def mean_exposure(close_ms: TimeArray, exposure: FloatArray, equity: FloatArray) -> float | None:
    """Time-weighted notional over equity; each mark holds until the next; None below two marks."""
    if close_ms.size < 2:
        return None
    return float(_held(close_ms, exposure, equity)) / float(close_ms[-1] - close_ms[0])


@kernel
def _held(close_ms: TimeArray, exposure: FloatArray, equity: FloatArray) -> float:
    total = 0.0
    for i in range(close_ms.size - 1):
        if exposure[i] != 0.0:
            total += exposure[i] / equity[i] * (close_ms[i + 1] - close_ms[i])
    return total


def turnover(traded: float, equity: FloatArray, days: float) -> float | None:
    """Traded notional over mean equity, a day; None for no time."""
    return traded / float(equity.mean()) / days if days > 0.0 and equity.size else None


def fee_share(fees: float, gross: float) -> float | None:
    """fees/|gross|; None where gross is zero."""
    return fees / abs(gross) if gross != 0.0 else None


@dataclass(frozen=True)
class TradeRecord:
    """Closed trades as columns of one length, in money of the quote currency."""

    pnl: FloatArray
    gross: FloatArray
    fees: FloatArray
    notional: FloatArray
    exit_notional: FloatArray
    hold_ms: TimeArray
    mae: FloatArray
    mfe: FloatArray


@dataclass(frozen=True)
class Performance:
    """The measures of one run; None where a measure is not defined for it."""

    start_equity: float
    end_equity: float
    total_return: float
    days: int
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    trades: int
    wins: int
    losses: int
    draws: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    exposure: float | None
    turnover: float | None
    net: float
    gross: float
    fees: float
    fee_share: float | None
    mean_hold_minutes: float | None
    mean_mae: float | None
    mean_mfe: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """The measures by name."""
        return asdict(self)


def performance(
    close_ms: TimeArray,
    equity: FloatArray,
    exposure: FloatArray,
    trades: TradeRecord,
    start_equity: float,
) -> Performance:
    """All measures of a run marked at `close_ms`; raises ValueError for a mark that is not finite."""
    if not (np.isfinite(equity).all() and np.isfinite(exposure).all() and np.isfinite(trades.pnl).all()):
        raise ValueError("equity, exposure and profits must be finite")
    returns = daily_returns(close_ms, equity, start_equity)
    end = float(equity[-1]) if equity.size else start_equity
    pnl = trades.pnl
    traded = float(trades.notional.sum() + trades.exit_notional.sum())
    gross, fees = float(trades.gross.sum()), float(trades.fees.sum())
    held = trades.hold_ms / 60_000.0
    return Performance(
        start_equity=start_equity,
        end_equity=end,
        total_return=end / start_equity - 1.0,
        days=returns.size,
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        max_drawdown=float(_drawdown(np.ascontiguousarray(equity), start_equity)),
        trades=pnl.size,
        wins=int((pnl > 0).sum()),
        losses=int((pnl < 0).sum()),
        draws=int((pnl == 0).sum()),
        win_rate=win_rate(pnl),
        profit_factor=profit_factor(pnl),
        expectancy=expectancy(pnl),
        exposure=mean_exposure(close_ms, exposure, equity),
        turnover=turnover(traded, equity, float(returns.size)),
        net=float(pnl.sum()),
        gross=gross,
        fees=fees,
        fee_share=fee_share(fees, gross),
        mean_hold_minutes=_mean(held),
        mean_mae=_mean(trades.mae),
        mean_mfe=_mean(trades.mfe),
    )


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if values.size else None
