"""Curves, decimated where they are stored: at most two points a column of the chart leave SQLite.

Each column of the chart shows the range of what falls into it, so that a spike of one step among a
million is still seen. A step that was computed again after an interruption counts once, with what its
newest attempt logged.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """A decimated curve.

    `steps` are the first step of each column that holds anything, `low` and `high` the range of its
    finite values, None where there is none (a gap). `count` is the number of steps behind it and
    `last_step` the newest of them, None when there is none; `last_value` is the newest finite value.
    `first_nonfinite` is the first step that was not a finite number, and what it was: nan, inf or -inf.
    """

    name: str
    steps: tuple[int, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    count: int
    last_step: int | None
    last_value: float | None
    first_nonfinite: tuple[int, str] | None


@dataclass(frozen=True)
class EquityCurve:
    """The equity of a run, decimated: range of equity and highest exposure a column, times in UTC ms.

    `start` and `end` are the first and last equity, None without points; `count` is the number of points.
    """

    times_ms: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    exposure: tuple[float, ...]
    count: int
    start: float | None
    end: float | None


# Bare columns beside a single max() come from the row that holds the maximum
# (https://www.sqlite.org/lang_select.html#bareagg): the newest attempt of each step.
_STEPS = (
    "SELECT step, value, state, max(attempt) FROM metric "
    "WHERE session_id = :session AND name = :name AND step BETWEEN :low AND :high GROUP BY step"
)


def metric_names(connection: sqlite3.Connection, session_id: int) -> list[str]:
    """The names of what a session has logged, in alphabetical order.

    Jumps from name to name through the index instead of reading every row.
    """
    rows = connection.execute(
        "WITH RECURSIVE names(name) AS ("
        "SELECT min(name) FROM metric WHERE session_id = :session UNION ALL "
        "SELECT (SELECT min(name) FROM metric WHERE session_id = :session AND name > names.name) "
        "FROM names WHERE names.name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL",
        {"session": session_id},
    ).fetchall()
    return [str(row[0]) for row in rows]


def read_curve(
    connection: sqlite3.Connection,
    session_id: int,
    name: str,
    *,
    columns: int,
    step_from: int | None = None,
    step_to: int | None = None,
) -> Curve:
    """A metric of a session over a range of steps, decimated to `columns` columns.

    Raises ValueError for fewer than one column.
    """
    if columns < 1:
        raise ValueError(f"a curve needs at least one column, not {columns}")
    key: dict[str, int | str] = {"session": session_id, "name": name}
    first, last = connection.execute(
        "SELECT (SELECT min(step) FROM metric WHERE session_id = :session AND name = :name), "
        "(SELECT max(step) FROM metric WHERE session_id = :session AND name = :name)",
        key,
    ).fetchall()[0]
    if first is None:
        return Curve(name, (), (), (), 0, None, None, None)
    low = first if step_from is None else max(first, step_from)
    high = last if step_to is None else min(last, step_to)
    values = {**key, "low": low, "high": high, "columns": columns, "span": high - low + 1}
    rows = connection.execute(
        "SELECT min(step), min(value), max(value), count(*), "
        "min(CASE WHEN state <> 'finite' THEN step END) "
        f"FROM ({_STEPS}) GROUP BY (step - :low) * :columns / :span ORDER BY 1",
        values,
    ).fetchall()
    bad = [row[4] for row in rows if row[4] is not None]
    return Curve(
        name=name,
        steps=tuple(row[0] for row in rows),
        low=tuple(row[1] for row in rows),
        high=tuple(row[2] for row in rows),
        count=sum(row[3] for row in rows),
        last_step=last,
        last_value=_last_value(connection, key),
        first_nonfinite=(bad[0], _state(connection, key, bad[0])) if bad else None,
    )


def equity_curve(connection: sqlite3.Connection, run_id: int, columns: int) -> EquityCurve:
    """The equity of a run, decimated to `columns` columns. Raises ValueError for fewer than one."""
    if columns < 1:
        raise ValueError(f"a curve needs at least one column, not {columns}")
    ends = connection.execute(
        "SELECT ts_ms, equity FROM (SELECT ts_ms, equity FROM equity_point WHERE run_id = ?1 "
        "ORDER BY ts_ms LIMIT 1) UNION ALL SELECT ts_ms, equity FROM (SELECT ts_ms, equity FROM "
        "equity_point WHERE run_id = ?1 ORDER BY ts_ms DESC LIMIT 1)",
        (run_id,),
    ).fetchall()
    if not ends:
        return EquityCurve((), (), (), (), 0, None, None)
    (first_ms, start), (last_ms, end) = ends
    rows = connection.execute(
        "SELECT min(ts_ms), min(equity), max(equity), max(exposure), count(*) FROM equity_point "
        "WHERE run_id = ? GROUP BY (ts_ms - ?) * ? / ? ORDER BY 1",
        (run_id, first_ms, columns, last_ms - first_ms + 1),
    ).fetchall()
    times, low, high, exposure, counts = zip(*rows, strict=True)
    return EquityCurve(times, low, high, exposure, sum(counts), start, end)


def _last_value(connection: sqlite3.Connection, key: dict[str, int | str]) -> float | None:
    rows = connection.execute(
        "SELECT value FROM metric WHERE session_id = :session AND name = :name AND value IS NOT NULL "
        "ORDER BY step DESC, attempt DESC LIMIT 1",
        key,
    ).fetchall()
    return rows[0][0] if rows else None


def _state(connection: sqlite3.Connection, key: dict[str, int | str], step: int) -> str:
    rows = connection.execute(
        "SELECT state FROM metric WHERE session_id = :session AND name = :name AND step = :step "
        "ORDER BY attempt DESC LIMIT 1",
        {**key, "step": step},
    ).fetchall()
    return str(rows[0][0])
