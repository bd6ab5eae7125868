"""When a moment can be decided on: all symbols have spoken, or the one that has not is silent."""

from __future__ import annotations

import numpy as np
import pytest

from cointrader.core.paper.moments import Patience, ready_moments
from cointrader.core.paper.pace import Pace

M5, H1 = 300_000, 3_600_000


def closes(*numbers: int, span: int = M5) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64) * span


def test_a_moment_waits_for_the_bar_of_every_symbol() -> None:
    found = ready_moments([closes(1, 2, 3), closes(1, 2)], [M5, M5], 0)
    assert found.close_ms.tolist() == [M5, 2 * M5]
    assert found.rows.tolist() == [[0, 0], [1, 1]]


def test_a_bar_that_a_symbol_has_left_out_is_not_waited_for() -> None:
    found = ready_moments([closes(1, 2, 3), closes(1, 3)], [M5, M5], M5)
    assert found.rows.tolist() == [[1, -1], [2, 1]]


def test_a_longer_timeframe_does_not_hold_up_a_shorter_one() -> None:
    hours = closes(1, span=H1)
    found = ready_moments([closes(11, 12, 13, 23, 24), hours], [M5, H1], 0)
    assert found.close_ms.tolist() == [11 * M5, H1, 13 * M5, 23 * M5]
    assert found.rows[1].tolist() == [1, 0]


def test_a_symbol_that_has_not_begun_holds_up_the_others_until_it_is_silent() -> None:
    series = [closes(1, 2), closes()]
    assert len(ready_moments(series, [M5, M5], 0)) == 0
    assert len(ready_moments(series, [M5, M5], 0, silent={1})) == 2
    assert len(ready_moments(series, [M5, M5], 0, is_whole=True)) == 2


def test_no_more_moments_than_wanted() -> None:
    found = ready_moments([closes(1, 2, 3, 4), closes(2, 4)], [M5, M5], 0, limit=3)
    assert found.close_ms.tolist() == [M5, 2 * M5, 3 * M5]


def test_a_symbol_is_silent_after_it_was_waited_for_and_heard_when_it_speaks() -> None:
    now = [0.0]
    patience = Patience(600.0, clock=lambda: now[0])
    assert not patience.wait_for([1])
    now[0] = 599.0
    assert not patience.wait_for([1])
    now[0] = 600.0
    assert patience.wait_for([1])
    assert patience.silent == {1}
    patience.heard(1)
    assert patience.silent == set()
    assert not patience.wait_for([1])


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 1_000_000 + 2_000), (60.0, 1_000_000 + 120_000)])
def test_a_playback_keeps_pace(speed: float, expected: int) -> None:
    now = [5.0]
    pace = Pace(speed, seconds=lambda: now[0])
    assert pace.until_ms(1_000_000) == 1_000_000
    now[0] = 7.0
    assert pace.until_ms(1_000_000 + M5) == expected
    assert Pace(0.0).until_ms(1) is None
