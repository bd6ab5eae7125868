"""Seconds to nanoseconds, told by size."""

import numpy as np
import pytest

from cointrader.data_feeds.time_units import TimeUnit, common_unit, to_milliseconds, unit_of

MOMENTS_S = (1_230_768_000, 1_495_122_660, 1_735_689_600, 4_102_444_799)


@pytest.mark.parametrize("unit", list(TimeUnit))
@pytest.mark.parametrize("moment_s", MOMENTS_S)
def test_every_unit_is_told_from_every_other_between_2009_and_2100(unit: TimeUnit, moment_s: int) -> None:
    time = moment_s * int(unit)
    assert unit_of(time) is unit
    assert to_milliseconds(np.array([time]), unit).tolist() == [moment_s * 1_000]


def test_the_first_row_of_another_unit_is_found() -> None:
    times = np.array([1_704_067_200, 1_704_067_260, 1_704_067_320_000, 1_704_067_380])
    assert common_unit(times) == (TimeUnit.SECONDS, 2)


def test_times_that_are_none_do_not_count_as_another_unit() -> None:
    times = np.array([0, 1_704_067_200_000, -5, 2024, 1_704_067_260_000])
    assert common_unit(times) == (TimeUnit.MILLISECONDS, None)


def test_one_unit_throughout_is_not_mixed() -> None:
    times = 1_704_067_200_000_000 + np.arange(5) * 60_000_000
    assert common_unit(times) == (TimeUnit.MICROSECONDS, None)
