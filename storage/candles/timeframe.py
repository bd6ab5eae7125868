"""The length of a bar, between its short name (5m) and milliseconds."""

from __future__ import annotations

import re

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_NAME = re.compile(r"(\d{1,5})(s|m|min|h|d|w)", re.IGNORECASE)


def parse_timeframe(text: str) -> int:
    """Milliseconds of a timeframe such as 1m, 5m, 1h, 1d or 1w.

    A capital M means month at most exchanges, whose length is not fixed; it is refused.
    Raises ValueError saying what is understood.
    """
    found = _NAME.fullmatch(text.strip())
    if found is None or found[2] == "M" or int(found[1]) == 0:
        raise ValueError(f"{text!r} is not a timeframe; write a number and s, m, h, d or w, such as 5m or 1h")
    unit = "m" if found[2].lower() == "min" else found[2].lower()
    return int(found[1]) * _UNITS_MS[unit]


def timeframe_text(timeframe_ms: int) -> str:
    """The short name of a timeframe: 300000 is 5m, 3600000 is 1h; odd lengths stay in milliseconds."""
    for unit in ("w", "d", "h", "m", "s"):
        if timeframe_ms > 0 and timeframe_ms % _UNITS_MS[unit] == 0:
            return f"{timeframe_ms // _UNITS_MS[unit]}{unit}"
    return f"{timeframe_ms}ms"
