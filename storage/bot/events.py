"""The bot's events as the answers need them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """One thing that the bot said, with its figures."""

    ts_ms: int
    kind: str
    severity: str
    symbol: str
    strategy: str
    side: str
    reason: str
    score: float | None
    text: str
    data: dict[str, Any]


_SELECT = (
    "SELECT ts_ms, kind, severity, symbol, strategy, side, reason, score, text, data_json FROM bot_event"
)


def newest(connection: sqlite3.Connection, kind: str, *, limit: int = 1, since_ms: int = 0) -> list[Said]:
    """The newest events of a kind, the newest first."""
    sql = f"{_SELECT} WHERE kind = ? AND ts_ms >= ? ORDER BY ts_ms DESC, id DESC LIMIT ?"
    return _read(connection, sql, (kind, since_ms, limit))


def in_order(connection: sqlite3.Connection, kinds: Sequence[str], since_ms: int, limit: int) -> list[Said]:
    """Events of some kinds since a moment, in their order; of too many the newest."""
    marks = ", ".join("?" * len(kinds))
    sql = (
        f"SELECT * FROM ({_SELECT.replace('SELECT', 'SELECT id,', 1)} WHERE kind IN ({marks}) AND ts_ms >= ? "
        "ORDER BY ts_ms DESC, id DESC LIMIT ?) ORDER BY ts_ms, id"
    )
    rows = connection.execute(sql, (*kinds, since_ms, limit)).fetchall()
    return [_said(row[1:]) for row in rows]


def last_moment(connection: sqlite3.Connection) -> int | None:
    """When the bot last said something; None when it never did."""
    moment = connection.execute(
        "SELECT max(newest) FROM (SELECT max(ts_ms) AS newest FROM bot_event GROUP BY kind)"
    ).fetchall()[0][0]
    return None if moment is None else int(moment)


def _read(connection: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> list[Said]:
    return [_said(row) for row in connection.execute(sql, values).fetchall()]


def _said(row: Sequence[Any]) -> Said:
    ts_ms, kind, severity, symbol, strategy, side, reason, score, text, data_json = row
    return Said(ts_ms, kind, severity, symbol, strategy, side, reason, score, text, json.loads(data_json))
