"""Local times become UTC through both changes of the clock, whichever way a file runs."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cointrader.data_feeds.zones import ZoneError, to_utc, zone_named

ZURICH = ZoneInfo("Europe/Zurich")
HOUR_MS = 3_600_000
AUTUMN_MS = 1_729_980_000_000  # 2024-10-26 22:00 UTC; clocks go back at 01:00 UTC


def shown(utc_ms: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """What a clock on the wall shows, as if it were UTC."""
    moments = [datetime.fromtimestamp(time / 1000, zone).replace(tzinfo=None) for time in utc_ms.tolist()]
    return np.array([round((moment - datetime(1970, 1, 1)).total_seconds() * 1000) for moment in moments])


@pytest.mark.parametrize("step_ms", [300_000, HOUR_MS])
@pytest.mark.parametrize("falls", [False, True])
def test_the_hour_that_passes_twice_is_told_apart_by_order(step_ms: int, falls: bool) -> None:
    times = np.arange(AUTUMN_MS, AUTUMN_MS + 12 * HOUR_MS, step_ms)
    times = times[::-1] if falls else times
    assert to_utc(shown(times, ZURICH), ZURICH).tolist() == times.tolist()


@given(
    st.sampled_from(["Europe/Zurich", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    st.integers(min_value=1_400_000, max_value=1_900_000),
    st.integers(min_value=4, max_value=200),  # of fewer, one step back could be the way that a file runs
    st.booleans(),
)
@example("America/New_York", 1_677_621, 4, False)  # begins within the hour that passes twice
def test_what_a_clock_showed_is_turned_back_into_utc(
    name: str, quarter: int, count: int, falls: bool
) -> None:
    times = np.arange(quarter, quarter + count, dtype=np.int64) * 900_000
    # What begins when the hour passes again shows nothing of its first time.
    assume(not datetime.fromtimestamp(int(times[0]) / 1000, ZoneInfo(name)).fold)
    times = times[::-1] if falls else times
    assert to_utc(shown(times, ZoneInfo(name)), ZoneInfo(name)).tolist() == times.tolist()


def test_an_hour_that_was_left_out_is_refused_with_its_row() -> None:
    spring = 1_711_846_800_000  # 01:00 on the wall
    with pytest.raises(ZoneError, match="02:00:00 never was in Europe/Zurich") as caught:
        to_utc(np.array([spring, spring + HOUR_MS, spring + 2 * HOUR_MS]), ZURICH)
    assert caught.value.row == 1


@pytest.mark.parametrize("name", ["Mars", "../etc/passwd", "", "Europe"])
def test_what_names_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ZoneError, match="is no time zone"):
        zone_named(name)
