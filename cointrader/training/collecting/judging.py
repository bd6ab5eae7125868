"""Whether a package is kept, by the same rules for one that was just made and for those of a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cointrader.training.collecting.completeness import (
    CANDLE_FIELDS,
    ESSENTIAL,
    completeness,
    mask_of,
    missing_of,
)
from cointrader.training.collecting.rules import Fault


@dataclass(frozen=True)
class Standard:
    """What a package has to reach: the smallest completeness over the fields that are `needed`."""

    minimum: float
    needed: tuple[str, ...] = CANDLE_FIELDS

    def refusal(self, flags: int, window_fault: Fault | None, timestamp: int, now_ms: int) -> Fault | None:
        """Why a package is refused, or None; `now_ms` is the latest moment that can be known of."""
        if timestamp > now_ms:
            return Fault.FUTURE
        if window_fault is not None:
            return window_fault
        missing = mask_of(ESSENTIAL) & ~flags
        if missing:
            return Fault.SHORT_HISTORY if missing == mask_of(("rl_state",)) else Fault.INCOMPLETE
        return Fault.INCOMPLETE if completeness(flags, self.needed) < self.minimum else None

    def in_words(self, fault: Fault, flags: int, symbol: str, timestamp: int) -> str:
        """A refusal for the operator: which package, and what is wrong with it."""
        if fault is not Fault.INCOMPLETE:
            return f"{symbol} at {moment_text(timestamp)}: {WORDS[fault]}"
        absent = missing_of(flags, self.needed) or missing_of(flags, ESSENTIAL)
        share = completeness(flags, self.needed)
        return (
            f"{symbol} at {moment_text(timestamp)}: {share:.0%} of what is needed, and {self.minimum:.0%} is "
            f"the least; missing: {', '.join(absent)}"
        )


WORDS = {
    Fault.FUTURE: "its time has not come yet; is the clock of this machine right?",
    Fault.BAD_VALUES: "a bar of its window holds a price or volume that cannot be",
    Fault.TIME_ORDER: "the bars of its window are not in order of time",
    Fault.GAP: "bars are missing in its window",
    Fault.SHORT_HISTORY: "there are too few bars before it",
    Fault.STALE: "its newest bar is more than two bars old",
}


def moment_text(ts_ms: int) -> str:
    """A time as an operator reads it; the number itself where no calendar reaches."""
    try:
        return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"{ts_ms} ms"


def standard_of(minimum: float, needed: Sequence[str]) -> Standard:
    """A standard whose fields are known. Raises ValueError for a name that is no field."""
    mask_of(needed)
    return Standard(minimum, tuple(needed))
