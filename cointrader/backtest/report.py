"""The measures of a run, and the alarms that go off when they are too good to be true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cointrader.trading.position import Records
from models.metrics.performance import Performance, TradeRecord, performance

HIGHEST_SHARPE = 10.0
HIGHEST_WIN_RATE = 0.95
HIGHEST_PROFIT_FACTOR = 10.0
LEAST_TRADES = 30
SMALLEST_DRAWDOWN = 1e-4


def measure(
    marks_ms: NDArray[np.int64],
    equity: NDArray[np.float64],
    exposure: NDArray[np.float64],
    trades: Records,
    start_equity: float,
) -> Performance:
    """The performance of TRADE records and the equity they made."""
    record = TradeRecord(
        pnl=trades["net"],
        gross=trades["gross"],
        fees=trades["fees"],
        notional=trades["notional"],
        exit_notional=trades["quantity"] * trades["exit_price"],
        hold_ms=trades["exit_ms"] - trades["entry_ms"],
        mae=trades["mae"],
        mfe=trades["mfe"],
    )
    return performance(marks_ms, equity, exposure, record, start_equity)


def plausibility_alarms(found: Performance) -> tuple[str, ...]:
    """Sentences about measures that honest trading hardly reaches; empty when nothing stands out.

    An alarm is no proof of an error: it says where to look for a leak, a cost that is missing, or luck.
    """
    alarms = []
    if found.sharpe is not None and found.sharpe > HIGHEST_SHARPE:
        alarms.append(f"Implausible: Sharpe ratio {found.sharpe:.1f} is above {HIGHEST_SHARPE:g}")
    many = found.trades >= LEAST_TRADES
    if many and found.win_rate is not None and found.win_rate > HIGHEST_WIN_RATE:
        alarms.append(f"Implausible: {found.win_rate:.0%} of {found.trades} trades won")
    if many and found.profit_factor is not None and found.profit_factor > HIGHEST_PROFIT_FACTOR:
        alarms.append(f"Implausible: profit factor {found.profit_factor:.1f}")
    if many and found.profit_factor is None and found.wins:
        alarms.append(f"Implausible: not one loss in {found.trades} trades")
    if many and found.max_drawdown < SMALLEST_DRAWDOWN:
        alarms.append(f"Implausible: {found.trades} trades without a drawdown")
    if found.trades and found.fees == 0.0:
        alarms.append("Implausible: trading was free of fees")
    return tuple(alarms)
