"""The accounts of a close: what was earned, what it cost, and the proof that both add up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cointrader.trading.position import Records

TOLERANCE = 1e-9  # of the notional


class AccountingError(ArithmeticError):
    """Gross less costs is not what the fills earned; nothing of such a close may be stored."""


@dataclass(frozen=True)
class Settlement:
    """Money of one close, in the quote currency: net = gross - fees - funding - slippage.

    `gross` is at the prices before slippage; `funding` is 0 on a spot market.
    """

    gross: float
    fees: float
    funding: float
    slippage: float

    @property
    def net(self) -> float:
        """What the account gained."""
        return self.gross - self.fees - self.funding - self.slippage


def settle(
    *,
    side: int,
    quantity: float,
    entry_price: float,
    entry_raw: float,
    exit_price: float,
    exit_raw: float,
    fees: float,
    funding: float = 0.0,
) -> Settlement:
    """Settle one close; `side` is +1 or -1, `*_raw` are prices before slippage.

    Raises ValueError for a number that is not finite or not positive where it must be, and AccountingError
    when the parts do not add up to what the fills earned (a price that slipped in the trader's favour).
    """
    prices = (quantity, entry_price, entry_raw, exit_price, exit_raw)
    if side not in (1, -1) or not all(math.isfinite(value) and value > 0.0 for value in prices):
        raise ValueError(f"cannot settle side {side}, quantity and prices {prices}")
    if not (math.isfinite(fees) and math.isfinite(funding)):
        raise ValueError(f"cannot settle fees {fees} and funding {funding}")
    settlement = Settlement(
        gross=side * quantity * (exit_raw - entry_raw),
        fees=fees,
        funding=funding,
        slippage=quantity * (abs(entry_price - entry_raw) + abs(exit_price - exit_raw)),
    )
    earned = side * quantity * (exit_price - entry_price) - fees - funding
    _refuse_difference(settlement.net, earned, quantity * entry_price)
    return settlement


def check_trades(trades: Records) -> None:
    """Raises AccountingError unless every closed trade adds up, in both ways of counting."""
    parts = trades["gross"] - trades["fees"] - trades["slippage"]
    moved = trades["side"] * trades["quantity"] * (trades["exit_price"] - trades["entry_price"])
    for other in (parts, moved - trades["fees"]):
        off = ~(np.abs(trades["net"] - other) <= TOLERANCE * trades["notional"])
        if off.any():
            first = int(np.flatnonzero(off)[0])
            row = trades[first]
            _refuse_difference(float(row["net"]), float(other[first]), float(row["notional"]))


def _refuse_difference(net: float, other: float, notional: float) -> None:
    if not abs(net - other) <= TOLERANCE * notional:
        raise AccountingError(f"net {net!r} is not {other!r} within {TOLERANCE:g} of {notional!r}")
