"""Moments as other programs write them: seconds or finer as numbers, and ISO texts with or without a zone."""

from __future__ import annotations

import math
from datetime import UTC, datetime

EARLIEST_MS = 1_230_768_000_000
"""2009-01-01: there was no coin to trade before."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01: a later time is a mistake."""

# Half-way, in orders of magnitude, between the latest time in one unit and the earliest in the next.
_UNITS = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3))


class MomentError(ValueError):
    """A text that is no moment between 2009 and 2100."""


def read_moment(value: object) -> int:
    """UTC milliseconds of a moment: seconds, milliseconds, microseconds, nanoseconds or an ISO text.

    A text without a zone is UTC. Raises MomentError.
    """
    number = _number(value)
    if number is not None:
        scale = next((scale for below, scale in _UNITS if abs(number) < below), 1e-6)
        moment = math.floor(number * scale)
    else:
        moment = _iso(str(value))
    if not EARLIEST_MS <= moment < LATEST_MS:
        raise MomentError(f"{value!r} is no time between 2009 and 2100")
    return moment


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise MomentError(f"{text!r} is no time") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
