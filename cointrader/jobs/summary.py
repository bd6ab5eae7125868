"""What a workspace holds, counted: the answer of `cointrader` where there is no terminal."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class VersionLine:
    """The newest version of an agent: its out-of-sample metric beside the baseline it had to beat."""

    agent: str
    version: int
    status: str
    metric: str
    value: float | None
    baseline: float | None
    reason: str


@dataclass(frozen=True)
class Summary:
    """Counts of the whole workspace and the newest version of every agent."""

    candles: int
    signals: int
    rejections: int
    closed_positions: int
    setups: int
    validated: int
    mean_completeness: float | None
    experiences: int
    versions: tuple[VersionLine, ...]

    def as_record(self) -> dict[str, Any]:
        """The counts by name, and versions: [{agent, metric, value, baseline}]."""
        record = asdict(self)
        record["versions"] = [
            {name: line[name] for name in ("agent", "metric", "value", "baseline")}
            for line in record["versions"]
        ]
        return record


def summarise(connection: sqlite3.Connection) -> Summary:
    """Count; one read of each table."""

    completeness = connection.execute("SELECT avg(completeness) FROM setup").fetchall()[0][0]

    def number(query: str) -> int:
        return int(connection.execute(query).fetchall()[0][0])

    newest = connection.execute(
        "SELECT agent, version, status, metric, value, baseline, reason FROM artifact AS a"
        " WHERE version = (SELECT max(version) FROM artifact WHERE agent = a.agent) ORDER BY agent"
    ).fetchall()
    return Summary(
        candles=number("SELECT coalesce(sum(bars), 0) FROM candle_file"),
        signals=number("SELECT count(*) FROM signal"),
        rejections=number("SELECT count(*) FROM rejection"),
        closed_positions=number("SELECT count(*) FROM position WHERE state = 'closed'"),
        setups=number("SELECT count(*) FROM setup"),
        validated=number("SELECT count(*) FROM setup WHERE state = 'validated'"),
        mean_completeness=completeness,
        experiences=number("SELECT count(*) FROM experience"),
        versions=tuple(VersionLine(*row) for row in newest),
    )
