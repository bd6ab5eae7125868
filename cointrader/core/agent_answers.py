"""What an agent said, read strictly: only a clear yes is an approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cointrader.core.memory.record_text import clean_text
from cointrader.core.reasons import Reason, reason_text, reason_title
from cointrader.core.redaction import redacted_text
from cointrader.core.wish import Rejected
from storage.agent_responses import Agent, Answer

YES_FIELDS = ("approved", "passed", "accepted", "executed")
LONGEST_REASON = 500

_TOLD = {
    "strategy": "Strategy rejected",
    "risk": "Risk violation",
    "execution": "Execution failed",
    "decision": "Decision gate",
}


@dataclass(frozen=True)
class Response:
    """What one agent answered, and how many microseconds that took; `reason` is '' for a plain yes.

    `limit` and `actual` are there where a number decided.
    """

    agent: Agent
    answer: Answer
    reason: str
    micros: int
    limit: float | None = None
    actual: float | None = None

    @property
    def approved(self) -> bool:
        """Whether the signal may go on."""
        return self.answer in ("approved", "warned", "absent")

    @property
    def rejected(self) -> Rejected | None:
        """The rejection that this answer is; None for an approval."""
        if self.approved:
            return None
        reason = Reason[f"{self.agent}_{self.answer}".upper()]
        if self.limit is not None and self.actual is not None:
            text = reason_text(reason, self.limit, self.actual)
            return Rejected(reason, f"{_TOLD[self.agent]}: {text}", text, self.limit, self.actual)
        text = f"{reason_title(reason)}: {self.reason}" if self.reason else reason_title(reason)
        return Rejected(reason, f"{_TOLD[self.agent]}: {self.reason or reason_title(reason)}", text)


def kept_reason(text: str) -> str:
    """What is kept of an agent's own words: without secrets, and not more than can be shown."""
    return redacted_text(clean_text(text))[:LONGEST_REASON]


def understood(value: object, signal_id: str) -> tuple[Answer, str]:
    """`read_answer` of anything: an answer that cannot even be looked at is nonsense too."""
    try:
        return read_answer(value, signal_id)
    # The answer may be an object of the agent's own, whose code may raise anything.
    except Exception as error:
        return "nonsense", f"it cannot be read: {type(error).__name__}"


def read_answer(value: object, signal_id: str) -> tuple[Answer, str]:
    """(answer, reason) of what an agent returned.

    True, False, or a mapping with one of approved, passed, accepted, executed as a bool, and with a text as
    `reason`, is an answer. Anything else is nonsense: a missing or contradictory verdict, "yes", 1, and an
    answer about another signal.
    """
    if isinstance(value, bool):
        return ("approved", "") if value else ("vetoed", "")
    if not isinstance(value, Mapping):
        return "nonsense", f"a mapping or a bool is needed, got {type(value).__name__}"
    said = [value[name] for name in YES_FIELDS if name in value]
    if not said or not all(isinstance(item, bool) for item in said):
        return "nonsense", f"no {', '.join(YES_FIELDS)} that is true or false"
    if any(item is not said[0] for item in said):
        return "nonsense", "it says yes and no"
    about = value.get("signal_id", signal_id)
    if not isinstance(about, str) or about != signal_id:
        return "nonsense", "it is about another signal"
    reason = value.get("reason")
    if reason is not None and not isinstance(reason, str):
        return "nonsense", f"its reason is no text but {type(reason).__name__}"
    told = kept_reason(reason or "")
    return ("approved", told) if said[0] else ("vetoed", told)
