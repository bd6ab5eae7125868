"""Times of records: any usual form in, UTC milliseconds inside, seconds where records are exchanged."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cointrader.data_feeds.time_units import EARLIEST_MS, LATEST_MS, unit_of


class TimeRefused(ValueError):
    """A value that is no time of a market; the text says why."""


def to_ms(value: object) -> int:
    """UTC milliseconds of a time: seconds (the usual form), milli-, micro- or nanoseconds by size, or a text.

    A text is such a number or an ISO time, UTC where it names no zone. Raises TimeRefused.
    """
    if isinstance(value, str):
        return to_ms(float(value)) if _is_number(value) else _plausible(_iso_ms(value), value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TimeRefused(f"{value!r} is no time")
    if isinstance(value, float) and not math.isfinite(value):
        raise TimeRefused(f"{value} is no time")
    return _plausible(round(value * 1000 / int(unit_of(value))), value)


def _is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdecimal()


def _iso_ms(text: str) -> int:
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise TimeRefused(f"{text!r} is no ISO time") from error
    return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def _plausible(ms: int, value: object) -> int:
    if not EARLIEST_MS <= ms < LATEST_MS:
        raise TimeRefused(f"{value!r} is no time between 2009 and 2100")
    return ms


class TimestampUtils:
    """Times in the form that records are exchanged in: seconds since 1970."""

    def get_timestamp(self, timezone: str = "UTC") -> float:
        """The time now, in seconds since 1970; the same moment whatever the zone is, which must exist.

        Raises TimeRefused for a zone that does not exist.
        """
        try:
            zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise TimeRefused(f"there is no time zone {timezone!r}") from error
        return datetime.fromtimestamp(time.time(), zone).timestamp()

    def align_timestamp(self, timestamp: float, interval: float = 1.0) -> float:
        """The nearest multiple of `interval` seconds; half-way goes up. Raises TimeRefused below 0 s."""
        if not interval > 0 or not math.isfinite(timestamp):
            raise TimeRefused(f"{timestamp} cannot be aligned to {interval} seconds")
        return math.floor(timestamp / interval + 0.5) * interval
