"""Which of the ten fields of an input package are valid, and what share that is of what somebody needs.

Bit i of `flags` is set where FIELDS[i] is valid. The score over all ten is stored with every setup; whether a
setup is kept is decided over the fields that its readers need: candles alone reach seven of the ten.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType

FIELDS = (
    "timestamp",
    "symbol",
    "ohlcv",
    "ticks",
    "order_book",
    "indicators",
    "pivots",
    "cnn_features",
    "rl_state",
    "context",
)
CANDLE_FIELDS = ("timestamp", "symbol", "ohlcv", "indicators", "pivots", "rl_state", "context")
"""What closed bars alone can give."""

ESSENTIAL = ("timestamp", "symbol", "ohlcv", "rl_state")
"""Without these no agent can read a setup, whatever the others are worth."""

NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cnn": ("timestamp", "symbol", "ohlcv", "pivots"),
        "dqn": ("timestamp", "symbol", "ohlcv", "indicators", "pivots", "context"),
        "cob_rl": ("timestamp", "symbol", "ticks", "order_book"),
    }
)
"""What each agent needs; never what it makes itself."""


def mask_of(fields: Iterable[str]) -> int:
    """The flags that have the bits of these fields. Raises ValueError for a name that is no field."""
    return _mask_of(frozenset(fields))


@functools.cache
def _mask_of(named: frozenset[str]) -> int:
    unknown = named - set(FIELDS)
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: no field of a package; fields: {', '.join(FIELDS)}")
    return sum(1 << place for place, field in enumerate(FIELDS) if field in named)


def valid_fields(flags: int) -> dict[str, bool]:
    """Every field by name, and whether it is valid."""
    return {field: bool(flags >> place & 1) for place, field in enumerate(FIELDS)}


def completeness(flags: int, needed: Iterable[str] = FIELDS) -> float:
    """Valid fields among those needed, over the number of those needed; 1 where nothing is needed."""
    mask = mask_of(needed)
    return (flags & mask).bit_count() / mask.bit_count() if mask else 1.0


def missing_of(flags: int, needed: Iterable[str]) -> tuple[str, ...]:
    """The needed fields that are not valid, in the order of FIELDS."""
    absent = mask_of(needed) & ~flags
    return tuple(field for field, there in valid_fields(absent).items() if there)
