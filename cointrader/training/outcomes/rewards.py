"""The reward of a trade that was not made: opened at a setup, closed at the horizon, of the default size.

The normalized formula of `cointrader.trading.reward` without earlier trades and without a streak; the trade
is an order of the default share of the start equity, its profit the simple return of the price over the
horizon less the cost of the round trip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cointrader.trading.reward import FLOOR, FREE_MINUTES
from models.candle_series import FloatArray


@dataclass(frozen=True)
class SizedTrade:
    """The trade that is imagined: its notional as a share of equity, its cost as a share of the notional."""

    size_fraction: float
    cost: float
    minutes: float


def rewards(price_return: FloatArray, side: int, trade: SizedTrade) -> FloatArray:
    """Normalized reward of buying (`side` 1) or selling (-1) at each setup.

    `price_return` is ln(exit/entry).
    """
    net_return = side * np.expm1(price_return) - trade.cost
    return rewards_of_net(net_return, trade.size_fraction, trade.minutes)


def rewards_of_net(on_notional: FloatArray, size_fraction: float, minutes: float) -> FloatArray:
    """R = tanh(ret/0.005) + 0.20 tanh(rho/0.01) + 0.05 tanh(ret/s20) - min(0.25, 0.001 max(0, minutes - 5)).

    rho (`on_notional`) is the net return on the notional, ret = rho x size_fraction that on the account.
    """
    on_account = on_notional * size_fraction
    waited = min(0.25, 0.001 * max(0.0, minutes - FREE_MINUTES))
    return np.asarray(
        np.tanh(on_account / 0.005)
        + 0.20 * np.tanh(on_notional / 0.01)
        + 0.05 * np.tanh(on_account / FLOOR)
        - waited
    )
