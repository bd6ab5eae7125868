"""In which unit the bot booked a result, told by the exit that it belongs to.

strategy_pnl.csv is trusted: one row an exit, in the quote currency, with both prices. A row elsewhere of the
same strategy within two seconds of it is the same exit: it says the same amount (and so knows the
regime), or the fraction of the entry price, or the difference of the prices.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

NEAR_MS = 2_000
_TOLERANCE = 1e-6


class Unit(StrEnum):
    """What a booked number counts."""

    QUOTE = "quote"
    FRACTION = "fraction"
    PER_UNIT = "per_unit"
    UNKNOWN = "unknown"
    TWIN = "twin"  # of an unknown unit, beside another one of the same exit


@dataclass(frozen=True)
class Exit:
    """A row of strategy_pnl.csv."""

    id: int
    ts_ms: int
    strategy: str
    pnl: float
    entry_price: float | None
    exit_price: float | None


@dataclass(frozen=True)
class Booked:
    """A row of regime_pnl.csv or strategy_performance.json."""

    id: int
    ts_ms: int
    strategy: str
    regime: str
    pnl: float


@dataclass(frozen=True)
class Told:
    """The unit of a booked row, and the exit that it belongs to (None when none is near)."""

    id: int
    unit: Unit
    exit_id: int | None


def tell_units(exits: Sequence[Exit], booked: Sequence[Booked]) -> list[Told]:
    """The unit of every booked row, in their order.

    Of several rows near each other that belong to no exit the first is kept (the bot books the quote amount
    first), the others are its twins.
    """
    by_time = _by_time(exits)
    kept: dict[tuple[str, int], list[int]] = defaultdict(list)
    told: list[Told] = []
    for row in booked:
        found = _nearest(by_time, row)
        if found is not None:
            told.append(Told(row.id, found[1], found[0].id))
        elif any(_near(moment, row.ts_ms) for key in _keys(row) for moment in kept.get(key, ())):
            told.append(Told(row.id, Unit.TWIN, None))
        else:
            kept[_key(row)].append(row.ts_ms)
            told.append(Told(row.id, Unit.UNKNOWN, None))
    return told


def _by_time(exits: Sequence[Exit]) -> dict[tuple[str, int], list[Exit]]:
    """Exits by strategy and stretch of two seconds: what is near lies in the same or a neighbouring one."""
    found: dict[tuple[str, int], list[Exit]] = defaultdict(list)
    for exit in exits:
        found[_key(exit)].append(exit)
    return found


def _key(row: Exit | Booked) -> tuple[str, int]:
    return row.strategy, row.ts_ms // NEAR_MS


def _keys(row: Booked) -> list[tuple[str, int]]:
    strategy, stretch = _key(row)
    return [(strategy, stretch + step) for step in (-1, 0, 1)]


def _nearest(by_time: Mapping[tuple[str, int], list[Exit]], row: Booked) -> tuple[Exit, Unit] | None:
    """The exit near a row whose numbers explain it; of several the one that is nearest in time."""
    near = [exit for key in _keys(row) for exit in by_time.get(key, ()) if _near(exit.ts_ms, row.ts_ms)]
    for exit in sorted(near, key=lambda exit: abs(exit.ts_ms - row.ts_ms)):
        for unit, value in _values(exit):
            if math.isclose(value, row.pnl, rel_tol=_TOLERANCE, abs_tol=1e-9):
                return exit, unit
    return None


def _values(exit: Exit) -> list[tuple[Unit, float]]:
    values = [(Unit.QUOTE, exit.pnl)]
    if exit.entry_price and exit.exit_price:
        moved = math.copysign(abs(exit.exit_price - exit.entry_price), exit.pnl)
        values += [(Unit.FRACTION, moved / exit.entry_price), (Unit.PER_UNIT, moved)]
    return values


def _near(one: int, other: int) -> bool:
    return abs(one - other) <= NEAR_MS
