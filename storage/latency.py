"""How long records take, stage by stage: written in batches, read as percentiles beside their targets."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from storage.insert import insert_rows

END_TO_END = "end_to_end"
"""From the moment a line was read to the moment its record was committed."""

NEWEST = 10_000
"""Figures are of so many newest measurements a stage."""

STAGES = ("reading", "cleaning", "normalising", "indicators", "signals", "storing", END_TO_END)
"""In the order in which a record passes them."""

_STAGE_TARGETS_MS = {
    "cleaning": 5.0,
    "normalising": 10.0,
    "indicators": 20.0,
    "signals": 15.0,
    "storing": 5.0,
}
_END_TARGETS_MS = {
    **dict.fromkeys(("crypto_price", "forex_price", "equities_price", "trade_tape"), 100.0),
    **dict.fromkeys(("order_book", "microstructure", "slippage"), 200.0),
    **dict.fromkeys(("twitter_sentiment", "news_sentiment", "aggregated_sentiment"), 500.0),
}


@dataclass(frozen=True)
class StageLatency:
    """Percentiles of one stage and type of record, in milliseconds. `target_ms` is None where none is set."""

    stage: str
    type: str
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    target_ms: float | None

    @property
    def is_within(self) -> bool:
        """Whether 95 of 100 records met the target."""
        return self.target_ms is None or self.p95_ms <= self.target_ms


def write_latency(connection: sqlite3.Connection, ts_ms: int, rows: Sequence[tuple[str, str, int]]) -> int:
    """Adds measurements (stage, type of record, microseconds); call it inside a transaction."""
    columns = ("ts_ms", "stage", "type", "micros")
    return insert_rows(connection, "latency", columns, ((ts_ms, *row) for row in rows))


def latency_figures(connection: sqlite3.Connection, *, newest: int = NEWEST) -> list[StageLatency]:
    """The figures of every stage and type, in the order of the stages; an empty list before any was taken."""
    figures = []
    for stage in _stages(connection):
        rows = connection.execute(
            "SELECT type, micros FROM latency WHERE stage = ? ORDER BY id DESC LIMIT ?", (stage, newest)
        ).fetchall()
        by_type: dict[str, list[int]] = {}
        for type, micros in rows:
            by_type.setdefault(type, []).append(micros)
        figures += [_figures(stage, type, sorted(taken)) for type, taken in sorted(by_type.items())]
    return figures


def target_ms(stage: str, type: str) -> float | None:
    """The longest that 95 of 100 records may take: whole ways by type, single stages for all alike."""
    return _END_TARGETS_MS.get(type) if stage == END_TO_END else _STAGE_TARGETS_MS.get(stage)


def percentile(ordered: Sequence[int], share: float) -> float:
    """The nearest-rank percentile of ordered values."""
    return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


def _stages(connection: sqlite3.Connection) -> list[str]:
    """The stages there are measurements of; one step along the index a stage."""
    rows = connection.execute(
        "WITH RECURSIVE known(stage) AS (SELECT min(stage) FROM latency UNION ALL "
        "SELECT (SELECT min(stage) FROM latency WHERE stage > known.stage) FROM known "
        "WHERE known.stage IS NOT NULL) SELECT stage FROM known WHERE stage IS NOT NULL"
    ).fetchall()
    found = {str(row[0]) for row in rows}
    return [stage for stage in STAGES if stage in found] + sorted(found - set(STAGES))


def _figures(stage: str, type: str, ordered: Sequence[int]) -> StageLatency:
    p50, p95, p99 = (percentile(ordered, share) / 1_000 for share in (0.50, 0.95, 0.99))
    return StageLatency(stage, type, len(ordered), p50, p95, p99, target_ms(stage, type))
