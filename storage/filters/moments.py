"""Times in filters: `7d` back, a day, a time of a day, `today`; as SQL over the newest row.

Stored data are often old: a backtest of 2024 has no row of the last seven days. What is relative
therefore counts back from the newest row of the table, if that is older than now.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime

from storage.errors import FilterError

UNIT_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "min": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "y": 365 * 86_400_000,
}
"""Milliseconds of the units of durations; m is minutes, y is 365 days."""

DAY_MS = 86_400_000
WORDS: dict[str, int | None] = {"now": None, "today": 0, "yesterday": 1}
"""Words for a time, and how many days they lie before the day of the newest row."""

HELP = "7d, 12h, 30m, 2024-09-01, 2024-09-01T14:35, today or yesterday"

_SPAN = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|min|m|h|d|w|y)", re.IGNORECASE)
_PARTS = re.compile(r"(?:\d{1,12}(?:\.\d{1,6})?(?:ms|s|min|m|h|d|w|y))+", re.IGNORECASE)
_CALENDAR = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?Z?)?)?", re.IGNORECASE
)
_LONGEST_MS = 1000 * UNIT_MS["y"]


@dataclass(frozen=True)
class Instant:
    """SQL of one instant in UTC milliseconds, and its parameters."""

    sql: str
    parameters: tuple[int, ...]


@dataclass(frozen=True)
class Moment:
    """The first and the last instant that a time word means.

    A day means its first to its last millisecond, a time without seconds its whole minute; what counts
    back means one instant.
    """

    first: Instant
    last: Instant


def parse_duration(text: str, position: int, length: int) -> int:
    """Milliseconds of `90s`, `2h`, `1h35m`. Raises FilterError."""
    if _PARTS.fullmatch(text) is None:
        raise FilterError(f"{text!r} is not a time span; write 90s, 5m, 2h, 1h35m or 3d", position, length)
    total = sum(float(number) * UNIT_MS[unit.lower()] for number, unit in _SPAN.findall(text))
    if total > _LONGEST_MS:
        raise FilterError("a time span is at most 1000 years", position, length)
    return round(total)


def parse_moment(text: str, newest_sql: str, now_ms: int, position: int, length: int) -> Moment:
    """The instants that a time word means. Raises FilterError.

    `newest_sql` is a SELECT of the newest time of the table.
    """
    newest = f"min(?, coalesce(({newest_sql}), ?))"
    word = text.lower()
    if word in WORDS:
        return _word(newest, WORDS[word], now_ms)
    if _PARTS.fullmatch(text) is not None:
        back = Instant(f"{newest} - ?", (now_ms, now_ms, parse_duration(text, position, length)))
        return Moment(back, back)
    first_ms, last_ms = _calendar(text, position, length)
    return Moment(Instant("?", (first_ms,)), Instant("?", (last_ms,)))


def _word(newest: str, days: int | None, now_ms: int) -> Moment:
    if days is None:
        now = Instant(newest, (now_ms, now_ms))
        return Moment(now, now)
    first = f"({newest} / {DAY_MS} - {days}) * {DAY_MS}"
    parameters = (now_ms, now_ms)
    return Moment(Instant(first, parameters), Instant(f"{first} + {DAY_MS - 1}", parameters))


def _calendar(text: str, position: int, length: int) -> tuple[int, int]:
    """The first and last millisecond of a month, a day, a minute or a second, in UTC."""
    match = _CALENDAR.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        year, month, day, hour, minute, second, thousandth = (
            int(part) if part else default
            for part, default in zip(match.groups(), (1, 1, 1, 0, 0, 0, 0), strict=True)
        )
        first = datetime(year, month, day, hour, minute, second, thousandth * 1000, tzinfo=UTC)
        first_ms = int(first.timestamp()) * 1000 + thousandth
        return first_ms, first_ms + _width_ms(match, year, month) - 1
    except (ValueError, OverflowError):
        raise FilterError(f"{text!r} is not a time; write {HELP}", position, length) from None


def _width_ms(match: re.Match[str], year: int, month: int) -> int:
    """How long what was written lasts: a month, a day, a minute, a second or a millisecond."""
    widths = {7: 1, 6: 1000, 4: 60_000, 3: DAY_MS}
    for group, width in widths.items():
        if match.group(group) is not None:
            return width
    return monthrange(year, month)[1] * DAY_MS
