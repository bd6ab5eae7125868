"""Asking again: never twice at once, and never more than a tenth of the time."""

from __future__ import annotations

from collections.abc import Callable

from tui.pace import Pace


class Loop:
    """A clock that is set by hand, and what is to be called later."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.planned: list[tuple[float, Callable[[], object]]] = []
        self.pace = Pace(self.ask, lambda s, call: self.planned.append((s, call)), clock=lambda: self.now)

    def ask(self) -> None:
        self.asked += 1
        self.pace.asked()

    def answer(self, took: float) -> None:
        self.now += took
        self.pace.answered()


def test_the_first_wish_is_asked_at_once():
    loop = Loop()
    loop.pace.want()
    assert loop.asked == 1


def test_wishes_while_an_answer_is_awaited_become_one_question():
    loop = Loop()
    for _ in range(5):
        loop.pace.want()
    assert loop.asked == 1
    loop.answer(0.1)
    [(wait, call)] = loop.planned
    assert abs(wait - 0.9) < 1e-9
    loop.now += wait
    call()
    assert loop.asked == 2


def test_a_slow_question_is_followed_by_a_pause_of_nine_times_its_length():
    loop = Loop()
    loop.pace.want()
    loop.answer(0.02)
    loop.now += 0.1
    loop.pace.want()
    assert loop.asked == 1 and len(loop.planned) == 1
    loop.pace.want()
    assert len(loop.planned) == 1
    loop.now += 0.1
    loop.planned[0][1]()
    assert loop.asked == 2


def test_no_pause_is_longer_than_five_seconds():
    loop = Loop()
    loop.pace.want()
    loop.answer(60.0)
    loop.pace.want()
    assert loop.planned[0][0] == 5.0


def test_what_nobody_waits_for_does_not_hold_up_the_next_question():
    loop = Loop()
    loop.pace.want()
    loop.pace.forget()
    loop.pace.want()
    assert loop.asked == 2


def test_a_planned_question_that_nobody_wants_any_more_is_not_asked():
    loop = Loop()
    loop.pace.want()
    loop.answer(0.1)
    loop.pace.want()
    loop.pace.forget()
    loop.now += 1.0
    loop.planned[0][1]()
    assert loop.asked == 1
