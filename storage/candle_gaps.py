"""Where a series of candles has gaps, kept beside it so that nobody has to read its bars to show them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from storage.insert import insert_rows


@dataclass(frozen=True)
class Gap:
    """Bars that follow each other and are missing: the closes (UTC ms) of the first and the last."""

    from_ms: int
    to_ms: int
    bars: int


def replace_gaps(
    connection: sqlite3.Connection, candle_file_id: int, missing: Iterable[tuple[int, int]]
) -> int:
    """Keeps the gaps of a series in place of those it had; returns how many there are.

    Each is given by the closes of the first and the last bar that it misses. Call it inside the transaction
    that stores the series.
    """
    connection.execute("DELETE FROM candle_gap WHERE candle_file_id = ?", (candle_file_id,))
    rows = ((candle_file_id, from_ms, to_ms) for from_ms, to_ms in missing)
    return max(0, insert_rows(connection, "candle_gap", ("candle_file_id", "from_ms", "to_ms"), rows))


def longest_gaps(
    connection: sqlite3.Connection, candle_file_id: int, timeframe_ms: int, limit: int
) -> tuple[Gap, ...]:
    """The gaps that miss most bars, the longest first."""
    rows = connection.execute(
        "SELECT from_ms, to_ms, (to_ms - from_ms) / ? + 1 FROM candle_gap WHERE candle_file_id = ? "
        "ORDER BY to_ms - from_ms DESC, from_ms LIMIT ?",
        (timeframe_ms, candle_file_id, limit),
    ).fetchall()
    return tuple(Gap(*row) for row in rows)


def coverage(
    connection: sqlite3.Connection,
    candle_file_id: int,
    timeframe_ms: int,
    first_close_ms: int,
    last_close_ms: int,
    columns: int,
) -> tuple[float, ...]:
    """How full a series is: its time from the first to the last bar in `columns` equal parts, 0 to 1 each.

    A gap that lies within one part is summed up by SQLite; those that reach over several, at most as many
    as there are borders between parts, are shared out among them.
    """
    start_ms = first_close_ms - timeframe_ms
    part = max(1, last_close_ms - start_ms) / columns
    missing = [0.0] * columns
    # What is missing opens one timeframe before the close of the first missing bar.
    where = (
        "SELECT from_ms - :timeframe - :start AS a, to_ms - :start AS b FROM candle_gap WHERE "
        "candle_file_id = :id"
    )
    named = {"id": candle_file_id, "timeframe": timeframe_ms, "start": start_ms, "part": part}
    first, last = "CAST(a / :part AS INTEGER)", "CAST((b - 1) / :part AS INTEGER)"
    within = f"SELECT {first}, sum(b - a) FROM ({where}) WHERE {first} = {last} GROUP BY 1"
    for number, total in connection.execute(within, named).fetchall():
        missing[min(number, columns - 1)] += total
    across = f"SELECT a, b FROM ({where}) WHERE {first} <> {last}"
    for begin, end in connection.execute(across, named).fetchall():
        for number in range(max(0, int(begin / part)), min(columns - 1, int((end - 1) / part)) + 1):
            missing[number] += max(0.0, min(end, (number + 1) * part) - max(begin, number * part))
    return tuple(max(0.0, 1.0 - lost / part) for lost in missing)
