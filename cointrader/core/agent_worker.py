"""Asks a callable a question in a thread of its own, and waits for so long and no longer.

A thread cannot be ended from outside. One that does not answer in time is left behind with its question, and
what it says later is nobody's; the next question gets a new thread. Behind `MOST_LEFT` of them the agent
is not asked again until one of them comes back.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

MOST_LEFT = 4


@dataclass(frozen=True)
class Returned:
    """What came back in time: a value, or the error that was raised instead."""

    value: object = None
    error: BaseException | None = None


@dataclass(frozen=True)
class _Question:
    ask: Callable[[], object]
    answers: queue.SimpleQueue[Returned]


@dataclass(frozen=True)
class _Thread:
    """Its questions in turn, None to end it; `ended` is set once it has."""

    questions: queue.SimpleQueue[_Question | None]
    ended: threading.Event


class AgentWorker:
    """Threads for one agent, to be asked by one caller at a time; the first question starts the first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread: _Thread | None = None
        self._left: list[_Thread] = []

    def ask(self, ask: Callable[[], object], timeout_seconds: float) -> Returned | None:
        """What `ask` returned or raised; None when it did not do so in time, or is not asked at all."""
        self._left = [thread for thread in self._left if not thread.ended.is_set()]
        if len(self._left) >= MOST_LEFT:
            return None
        thread = self._thread = self._thread or _started(self.name)
        question = _Question(ask, queue.SimpleQueue())
        thread.questions.put(question)
        try:
            return question.answers.get(timeout=timeout_seconds)
        except queue.Empty:
            self.close()
            self._left.append(thread)
            return None

    def close(self) -> None:
        """Lets the thread end once it has answered."""
        if self._thread is not None:
            self._thread.questions.put(None)
        self._thread = None


def _started(name: str) -> _Thread:
    thread = _Thread(queue.SimpleQueue(), threading.Event())
    # A daemon: an agent that hangs must not keep the process from ending.
    threading.Thread(target=_answer, args=(thread,), name=f"agent-{name}", daemon=True).start()
    return thread


def _answer(thread: _Thread) -> None:
    while (question := thread.questions.get()) is not None:
        question.answers.put(_returned(question.ask))
    thread.ended.set()


def _returned(ask: Callable[[], object]) -> Returned:
    try:
        return Returned(value=ask())
    # An agent that raises SystemExit must be told apart from one that is silent.
    except BaseException as error:
        return Returned(error=error)
