"""The rows of the core's log: one an action, with what it was about. The files in `logs` tell the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from storage.insert import insert_rows

Severity = Literal["info", "warning", "error"]

_WRITTEN = ("ts_ms", "action", "severity", "signal_key", "text", "data_json")


@dataclass(frozen=True)
class CoreEvent:
    """One action; `data_json` is what the program passed, without its secrets."""

    ts_ms: int
    action: str
    severity: Severity
    signal_key: str
    text: str
    data_json: str
    id: int = 0


def add_core_events(connection: sqlite3.Connection, events: Iterable[CoreEvent]) -> int:
    """Adds events and returns how many; inside the caller's transaction."""
    rows = [tuple(getattr(event, name) for name in _WRITTEN) for event in events]
    return insert_rows(connection, "core_event", _WRITTEN, rows) if rows else 0


def newest_core_events(
    connection: sqlite3.Connection, *, action: str | None = None, limit: int = 100
) -> list[CoreEvent]:
    """The latest events, of one action or of all, newest first."""
    where, parameters = ("WHERE action = ?", (action,)) if action is not None else ("", ())
    rows = connection.execute(
        f"SELECT {', '.join(_WRITTEN)}, id FROM core_event {where} ORDER BY id DESC LIMIT ?",
        (*parameters, limit),
    ).fetchall()
    return [CoreEvent(*row) for row in rows]


def every_core_event(connection: sqlite3.Connection, *, page: int = 5_000) -> Iterator[CoreEvent]:
    """All events in the order they happened, read a page at a time."""
    last = 0
    while True:
        rows = connection.execute(
            f"SELECT {', '.join(_WRITTEN)}, id FROM core_event WHERE id > ? ORDER BY id LIMIT ?", (last, page)
        ).fetchall()
        if not rows:
            return
        yield from (CoreEvent(*row) for row in rows)
        last = rows[-1][-1]
