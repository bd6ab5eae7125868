"""Local times into UTC, through the years' changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1)


class ZoneError(ValueError):
    """A zone that is not known, or a time that its clocks never showed (`row`, -1 when none is to blame)."""

    def __init__(self, reason: str, row: int = -1) -> None:
        super().__init__(reason)
        self.row = row


def zone_named(name: str) -> ZoneInfo:
    """A zone of the IANA database, such as Europe/Zurich. Raises ZoneError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ZoneError(f"{name!r} is no time zone; write it as Europe/Zurich or UTC") from error


def to_utc(local_ms: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """UTC milliseconds of local ones, shape (rows,), which are in order of time, rising or falling.

    When clocks are put back an hour passes twice: a row that does not come later than one before it is
    after the change, any other is taken to be before it. Raises ZoneError for a time in the hour that is
    left out when clocks are put forward.
    """
    quarters, places = np.unique(local_ms // _QUARTER_MS, return_inverse=True)
    offsets = np.array([_offsets(int(quarter), zone) for quarter in quarters], dtype=np.int64)
    first, second = offsets[places, 0], offsets[places, 1]
    missing = np.flatnonzero(first < second)  # before a clock is put forward it is less ahead than after
    if missing.size:
        row = int(missing[0])
        moment = _EPOCH + timedelta(milliseconds=int(local_ms[row]))
        raise ZoneError(f"{moment} never was in {zone.key}: the clocks were put forward", row)
    repeated = (first > second) & _is_repeat(local_ms)
    utc_ms: NDArray[np.int64] = local_ms - np.where(repeated, second, first)
    return utc_ms


def _offsets(quarter: int, zone: ZoneInfo) -> tuple[int, int]:
    """How far a zone is ahead of UTC at a local quarter of an hour: before and after a change there."""
    moment = _EPOCH + timedelta(milliseconds=quarter * _QUARTER_MS)
    ahead = [moment.replace(tzinfo=zone, fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)]
    before, after = (round((moment - utc) / timedelta(milliseconds=1)) for utc in ahead)
    return before, after


def _is_repeat(local_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows at or before a local time that an earlier moment has shown already.

    One change of the clock makes one step run against all others, so most steps say which way a file runs.
    """
    falls = np.sign(np.diff(local_ms)).sum() < 0
    ordered = local_ms[::-1] if falls else local_ms
    repeats = np.zeros(local_ms.size, dtype=np.bool_)
    repeats[1:] = ordered[1:] <= np.maximum.accumulate(ordered)[:-1]
    return repeats[::-1] if falls else repeats
