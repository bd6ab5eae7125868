"""Progress: the time that is left, and no line more than a log can bear."""

from __future__ import annotations

import io

import pytest

from cointrader.cli import progress
from cointrader.cli.progress import ProgressLine, duration


class Clock:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr(progress, "time", turned)
    return turned


def test_the_second_of_two_trainings_is_timed_from_its_own_beginning(clock: Clock) -> None:
    line = ProgressLine("Replay", io.StringIO())
    for done in range(1, 101):
        clock.now += 1
        line.update(done, 100)
    for done in range(1, 11):
        clock.now += 1
        line.update(done, 100)
    assert line.seconds_left(10, 100, clock.now) == pytest.approx(90)


def run(line: ProgressLine, clock: Clock, seconds: int) -> None:
    """A step a second after ten seconds in which nothing moves."""
    for second in range(seconds):
        line.update(max(0, second - 9), 100, "working")
        clock.now += 1.0


def test_the_time_left_is_at_the_pace_of_the_work_and_not_of_its_start(clock: Clock) -> None:
    stream = io.StringIO()
    run(ProgressLine("train", stream), clock, 60)
    last = stream.getvalue().splitlines()[-1]
    done = int(last.partition("%")[0].split()[-1])
    assert f"ETA {duration(100 - done)}" in last


def test_a_log_gets_a_line_now_and_then(clock: Clock) -> None:
    stream = io.StringIO()
    run(ProgressLine("train", stream), clock, 60)
    assert "\r" not in stream.getvalue()
    assert 10 <= len(stream.getvalue().splitlines()) <= 13


def test_a_terminal_gets_one_line_that_is_drawn_over_and_cleared(clock: Clock) -> None:
    stream = Terminal()
    with ProgressLine("train", stream) as line:
        run(line, clock, 60)
    text = stream.getvalue()
    assert "\n" not in text
    assert "[#" in text
    drawn = text.split("\r")
    assert drawn[-2].strip() == ""
    assert len(drawn[-2]) >= max(len(part) for part in drawn[:-2])


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (75, "1:15"), (4000, "1:06:40")])
def test_a_duration_reads_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("columns", "bar"), [(80, 10), (120, 24), (300, 24)])
def test_a_line_stays_short_of_the_last_column_of_its_terminal(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, columns: int, bar: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    line = ProgressLine("Paper trading of every symbol from a playback", stream)
    clock.now += 1.0
    line.update(0, 100, "x" * 300)
    shown = stream.getvalue().lstrip("\r")
    assert len(shown) == min(columns, 119) - 1
    assert f"[{'-' * bar}]" in shown
