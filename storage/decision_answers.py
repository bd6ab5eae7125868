"""What the decision gate said of signals, as it stands in the answers, and what became of them."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

_SAID = re.compile(r"(\d\.\d+) to pay, threshold (\d(?:\.\d+)?), decision v(\d+)( \(shadow: it passes\))?")
_WHERE = "a.agent = 'decision' AND a.answer IN ('approved', 'warned', 'vetoed')"


@dataclass(frozen=True)
class Said:
    """One answer: the chance to pay, the threshold it was held against, and the version that was asked."""

    probability: float
    threshold: float
    version: int
    shadow: bool = False


@dataclass(frozen=True)
class Predicted:
    """What was said of a signal and what it came to; `closed_ms`, `pnl` are None while it is not closed."""

    signal_id: int
    ts_ms: int
    said: Said
    closed_ms: int | None
    pnl: float | None


def write_said(said: Said) -> str:
    """The answer in words, from which `read_said` has it back."""
    shadow = " (shadow: it passes)" if said.shadow and said.probability < said.threshold else ""
    threshold = f"{said.threshold:.6f}".rstrip("0").rstrip(".")
    return f"{said.probability:.6f} to pay, threshold {threshold}, decision v{said.version}{shadow}"


def read_said(reason: str) -> Said | None:
    """The answer that stands in words; None for any other text."""
    found = _SAID.fullmatch(reason)
    if found is None:
        return None
    return Said(float(found[1]), float(found[2]), int(found[3]), shadow=found[4] is not None)


def read_predictions(
    connection: sqlite3.Connection, since_ms: int = 0, run_id: int | None = None
) -> list[Predicted]:
    """Every answer of the gate with a number, by signals from `since_ms` on, oldest first."""
    rows = connection.execute(
        "SELECT s.id, s.ts_ms, a.reason, p.closed_ms, p.pnl FROM agent_response AS a "
        "JOIN signal AS s ON s.id = a.signal_id LEFT JOIN signal_position AS l ON l.signal_id = s.id "
        "LEFT JOIN position AS p ON p.id = l.position_id AND p.state = 'closed' "
        f"WHERE {_WHERE} AND s.ts_ms >= ? AND (? IS NULL OR s.run_id = ?) ORDER BY s.ts_ms, s.id",
        (since_ms, run_id, run_id),
    ).fetchall()
    found = ((row, read_said(row[2])) for row in rows)
    return [Predicted(row[0], row[1], said, row[3], row[4]) for row, said in found if said is not None]


def count_gate_answers(
    connection: sqlite3.Connection, first_ms: int, last_ms: int, run_id: int | None = None
) -> dict[str, int]:
    """How often the gate answered what, of signals of a stretch of time."""
    rows = connection.execute(
        "SELECT a.answer, count(*) FROM agent_response AS a JOIN signal AS s ON s.id = a.signal_id "
        "WHERE a.agent = 'decision' AND s.ts_ms BETWEEN ? AND ? AND (? IS NULL OR s.run_id = ?) "
        "GROUP BY a.answer ORDER BY count(*) DESC, a.answer",
        (first_ms, last_ms, run_id, run_id),
    ).fetchall()
    return {answer: int(count) for answer, count in rows}
