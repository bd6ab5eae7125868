"""The price at the boundary: finite, above 0 and fresh, or nothing is opened at it.

`price <= 0` alone lets NaN pass, and infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


class InvalidPrice(ValueError):
    """A price that nothing may be opened at; the text names it, its symbol, and what is wrong."""


@dataclass(frozen=True)
class Freshness:
    """How old a price is and may be, both in bars."""

    age_bars: float
    limit_bars: float


def check_price(symbol: str, price: float, freshness: Freshness | None = None) -> None:
    """Raises InvalidPrice for 0, a negative number, NaN, infinity, and a price that is too old."""
    if not (math.isfinite(price) and price > 0.0):
        raise InvalidPrice(f"Invalid price {price} for {symbol}")
    if freshness is not None and not freshness.age_bars <= freshness.limit_bars:
        raise InvalidPrice(
            f"Invalid price {price} for {symbol}: it is {freshness.age_bars:g} bars old, "
            f"at most {freshness.limit_bars:g} are allowed"
        )
