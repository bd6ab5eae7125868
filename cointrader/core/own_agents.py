"""The agents that are asked where no others are put in their place, and scripted ones for rehearsals.

An agent is any callable of one mapping. The three here look once more at what they are responsible for; they
cannot let pass what the filter or the limits refused, because they are asked afterwards.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from cointrader.core.memory.record_text import text_of
from cointrader.core.signal_filter import LONGEST_NAME

AgentCall = Callable[[Mapping[str, Any]], object]

SILENT_SECONDS = 3_600.0


def strategy_agent(signal: Mapping[str, Any], valid: Container[str]) -> Mapping[str, Any]:
    """Approves signals of the strategies that are valid."""
    strategy = signal.get("strategy")
    if isinstance(strategy, str) and strategy in valid:
        return {"approved": True, "signal_id": signal.get("signal_id")}
    reason = f"strategy {text_of(strategy, LONGEST_NAME)} is not registered"
    return {"approved": False, "signal_id": signal.get("signal_id"), "reason": reason}


def risk_agent(signal: Mapping[str, Any]) -> Mapping[str, Any]:
    """Passes signals whose amount, and price where there is one, are positive numbers."""
    params = signal.get("params")
    told = params if isinstance(params, Mapping) else {}
    numbers = [told.get("amount"), *([told["price"]] if told.get("price") is not None else [])]
    sound = all(isinstance(item, int | float) and 0.0 < item < math.inf for item in numbers)
    answer: dict[str, Any] = {"passed": sound, "signal_id": signal.get("signal_id")}
    return answer if sound else {**answer, "reason": "amount or price is not a positive number"}


def execution_agent(package: Mapping[str, Any]) -> bool:
    """Takes packages that hold a command and a time."""
    return isinstance(package.get("command"), Mapping) and "timestamp" in package


class ScriptedAgent:
    """Gives prepared answers in turn, the last one for ever: for rehearsals without live execution.

    An answer that is an exception is raised, `SILENCE` lasts until `released` is set, and any other is
    returned as it is. `asked` holds what the agent was asked.
    """

    SILENCE = object()

    def __init__(self, answers: Iterable[object] = (True,)) -> None:
        """Raises ValueError without an answer."""
        self._answers = list(answers)
        if not self._answers:
            raise ValueError("a scripted agent needs at least one answer")
        self.asked: list[Mapping[str, Any]] = []
        self.released = threading.Event()

    def __call__(self, subject: Mapping[str, Any]) -> object:
        self.asked.append(subject)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if answer is ScriptedAgent.SILENCE:
            self.released.wait(SILENT_SECONDS)
            return True
        if isinstance(answer, BaseException):
            raise answer
        return answer
