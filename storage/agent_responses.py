"""What the agents answered when the core asked them; every answer is kept, a silence too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from storage.insert import insert_rows

Agent = Literal["strategy", "risk", "execution", "decision"]
Answer = Literal["approved", "vetoed", "timeout", "failed", "nonsense", "warned", "absent"]
"""`warned` would have vetoed and only watches; `absent` had nobody to ask. The signal goes on after both."""

_WRITTEN = ("signal_id", "run_id", "ts_ms", "agent", "answer", "reason", "micros")


@dataclass(frozen=True)
class AgentResponseRow:
    """One answer: timeout, failed and nonsense stop a signal as a veto does. `micros` is how long it took."""

    signal_id: int
    run_id: int
    ts_ms: int
    agent: Agent
    answer: Answer
    reason: str
    micros: int


@dataclass(frozen=True)
class AnswerCount:
    """How often an agent answered in this way, and how long that took on average."""

    agent: Agent
    answer: Answer
    count: int
    mean_micros: float


def add_agent_responses(connection: sqlite3.Connection, responses: Iterable[AgentResponseRow]) -> int:
    """Adds answers and returns how many; inside the caller's transaction."""
    rows = [tuple(getattr(response, name) for name in _WRITTEN) for response in responses]
    return insert_rows(connection, "agent_response", _WRITTEN, rows) if rows else 0


def responses_to(connection: sqlite3.Connection, signal_id: int) -> list[AgentResponseRow]:
    """The answers about one signal, in the order they came."""
    rows = connection.execute(
        f"SELECT {', '.join(_WRITTEN)} FROM agent_response WHERE signal_id = ? ORDER BY id", (signal_id,)
    ).fetchall()
    return [AgentResponseRow(*row) for row in rows]


def answer_counts(connection: sqlite3.Connection, run_id: int | None = None) -> list[AnswerCount]:
    """How the agents answered in a run, or in all of them; the most frequent answer first."""
    where, parameters = ("WHERE run_id = ?", (run_id,)) if run_id is not None else ("", ())
    rows = connection.execute(
        f"SELECT agent, answer, count(*), avg(micros) FROM agent_response {where} GROUP BY agent, answer "
        "ORDER BY count(*) DESC, agent, answer",
        parameters,
    ).fetchall()
    return [AnswerCount(*row) for row in rows]
