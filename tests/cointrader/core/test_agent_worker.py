"""Whoever asks an agent is told what it did; what the operator does is no answer of an agent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cointrader.core.agent_worker import AgentWorker, ask_in_place


def raising(error: BaseException) -> Callable[[], object]:
    def ask() -> object:
        raise error

    return ask


def test_a_ctrl_c_of_the_operator_is_no_answer_of_an_agent_asked_in_place() -> None:
    with pytest.raises(KeyboardInterrupt):
        ask_in_place(raising(KeyboardInterrupt()))


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no"), KeyboardInterrupt("no")])
def test_whatever_an_agent_raises_in_its_thread_is_told_and_the_thread_goes_on(error: BaseException) -> None:
    worker = AgentWorker("risk")
    for _ in range(2):
        returned = worker.ask(raising(error), 20.0)
        assert returned is not None and returned.error == f"{type(error).__name__}: no"
    worker.close()


def test_an_agent_in_place_that_wants_to_exit_has_failed() -> None:
    assert ask_in_place(raising(SystemExit("3"))).error == "SystemExit: 3"
