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
from typing import Any, Generic, TypeVar

from cointrader.core.memory.record_text import text_of

MOST_LEFT = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Returned(Generic[T]):
    """What came back in time: a value, or in words what was raised instead."""

    value: T | None = None
    error: str = ""


class NotAsked(RuntimeError):
    """So many questions are without an answer that no other is put; the text says how many."""


@dataclass(frozen=True)
class _Question:
    ask: Callable[[], Any]
    answers: queue.SimpleQueue[Returned[Any]]


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

    def ask(self, ask: Callable[[], T], timeout_seconds: float) -> Returned[T] | None:
        """What `ask` returned or raised; None when it did not do so in time.

        Raises NotAsked where `MOST_LEFT` earlier questions still wait for their answers.
        """
        self._left = [thread for thread in self._left if not thread.ended.is_set()]
        if len(self._left) >= MOST_LEFT:
            raise NotAsked(f"not asked: {len(self._left)} earlier questions are still without an answer")
        thread = self._thread = self._thread or _started(self.name)
        question = _Question(ask, queue.SimpleQueue())
        thread.questions.put(question)
        try:
            returned: Returned[T] = question.answers.get(timeout=timeout_seconds)
            return returned
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
        question.answers.put(_asked_apart(question.ask))
    thread.ended.set()


def _asked_apart(ask: Callable[[], Any]) -> Returned[Any]:
    try:
        return ask_in_place(ask)
    # No signal arrives in a thread: this one is the agent's own.
    except KeyboardInterrupt as error:
        return _raised(error)


def ask_in_place(ask: Callable[[], T]) -> Returned[T]:
    """What `ask` returned or raised, in the caller's thread: for code that is known to come to an end.

    A Ctrl-C that arrives meanwhile is the operator's and no answer of an agent: it is raised.
    """
    try:
        return Returned(value=ask())
    except KeyboardInterrupt:
        raise
    # Also a SystemExit must be told apart from silence.
    except BaseException as error:
        return _raised(error)


def _raised(error: BaseException) -> Returned[Any]:
    """What an agent raised, put into words on its own time: that calls code of the agent again."""
    return Returned(error=f"{type(error).__name__}: {text_of(error)}")
