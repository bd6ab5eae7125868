"""Trading runs: backtests, playbacks and paper; what each did, and which rules said no."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunRow:
    """A trading run. Times are UTC milliseconds; `ended_ms` is None while it runs."""

    id: int
    kind: str
    provenance: str
    state: str
    strategies: str
    symbols: str
    settings: dict[str, Any]
    metrics: dict[str, Any]
    first_ms: int
    last_ms: int
    bars: int
    signals: int
    rejections: int
    positions: int
    start_equity: float
    end_equity: float
    started_ms: int
    ended_ms: int | None
    code_version: str


@dataclass(frozen=True)
class RuleCount:
    """How often a rule said no, and when it did so last."""

    stage: str
    code: str
    count: int
    last_ms: int


_COLUMNS = (
    "id, kind, provenance, state, strategies, symbols, settings_json, metrics_json, first_ms, last_ms, bars, "
    "signals, rejections, positions, start_equity, end_equity, started_ms, ended_ms, code_version"
)


def list_runs(connection: sqlite3.Connection, *, limit: int = 100) -> list[RunRow]:
    """The newest runs first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM trading_run ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()
    return [_row(row) for row in rows]


def get_run(connection: sqlite3.Connection, run_id: int) -> RunRow | None:
    """The run of that number, None when there is none."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM trading_run WHERE id = ?", (run_id,)).fetchall()
    return _row(rows[0]) if rows else None


def latest_run_id(connection: sqlite3.Connection) -> int | None:
    """The newest run over a market that has not failed, None when there is none.

    The run of kind `core`, which single signals of other programs belong to, has no market and no equity.
    """
    sql = "SELECT id FROM trading_run WHERE state <> 'failed' AND kind <> 'core' ORDER BY id DESC LIMIT 1"
    rows = connection.execute(sql).fetchall()
    return int(rows[0][0]) if rows else None


def oldest_run_id(connection: sqlite3.Connection) -> int | None:
    """The first run of any kind, None when there is none."""
    return connection.execute("SELECT min(id) FROM trading_run").fetchall()[0][0]  # type: ignore[no-any-return]


def rejection_counts(connection: sqlite3.Connection, run_id: int | None = None) -> list[RuleCount]:
    """How often each rule said no, most frequent first; of one run, or of all."""
    where, parameters = ("WHERE run_id = ?", (run_id,)) if run_id is not None else ("", ())
    rows = connection.execute(
        f"SELECT stage, code, count(*), max(ts_ms) FROM rejection {where} GROUP BY stage, code "
        "ORDER BY count(*) DESC, code",
        parameters,
    ).fetchall()
    return [RuleCount(*row) for row in rows]


def _row(values: Sequence[Any]) -> RunRow:
    row = list(values)
    row[6], row[7] = json.loads(row[6]), json.loads(row[7])
    return RunRow(*row)
