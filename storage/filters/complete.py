"""Completion of a filter at the cursor: names of fields, then values that occur."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from storage.filters.fields import TIME_WORDS
from storage.pages.view import TEXTUAL, Field, Kind, TableView

RECENT_ROWS = 20_000
"""How many of the newest rows are looked at for values of a field without a closed set."""

MAX_COMPLETIONS = 20
"""How many completions are offered at once."""

_TIMES = ("1d", "7d", "30d", "90d", "today", "yesterday")
_BEFORE_CURSOR = re.compile(
    r"(?:^|[\s|(])!*(?:([A-Za-z_][A-Za-z0-9_]*)(:|>=|<=|!=|>|<|=))?"
    r'("(?:[^"\\]|\\.)*|[^\s|()"]*)$'
)


@dataclass(frozen=True)
class Completion:
    """Replaces the characters from `start` to `end` by `text`; `label` says what it means."""

    start: int
    end: int
    text: str
    label: str


def complete(text: str, cursor: int, view: TableView, connection: sqlite3.Connection) -> list[Completion]:
    """What could stand at the cursor, best first; empty where nothing is known."""
    match = _BEFORE_CURSOR.search(text[:cursor])
    if match is None:
        return []
    name, typed = match.group(1), match.group(3)
    start = match.start(3)
    if name is None:
        return _names(typed.lower(), start, cursor, view)
    return _values(name.lower(), typed.lstrip('"'), start, cursor, view, connection)


def _names(typed: str, start: int, cursor: int, view: TableView) -> list[Completion]:
    found = []
    for field in view.fields:
        if any(known.startswith(typed) for known in (field.name, *field.aliases)):
            sign = ":" if field.kind in TEXTUAL or field.kind is Kind.TIME else ">"
            found.append(Completion(start, cursor, field.name + sign, field.help))
    labels = {"since": "From then on.", "until": "Up to then."}
    found += [
        Completion(start, cursor, f"{word}:", labels[word]) for word in TIME_WORDS if word.startswith(typed)
    ]
    return found[:MAX_COMPLETIONS]


def _values(
    name: str, typed: str, start: int, cursor: int, view: TableView, connection: sqlite3.Connection
) -> list[Completion]:
    if name in TIME_WORDS:
        return [Completion(start, cursor, time, "") for time in _TIMES if time.startswith(typed.lower())]
    field = next((one for one in view.fields if name in (one.name, *one.aliases)), None)
    if field is None or field.kind not in TEXTUAL or field.kind is Kind.MODELS:
        return []
    values = field.values or _recent_values(field, view, connection)
    wanted = typed.lower()
    matching = sorted(
        (value for value in values if wanted in value.lower()),
        key=lambda value: (not value.lower().startswith(wanted), value),
    )
    return [Completion(start, cursor, _quoted(value), field.help) for value in matching[:MAX_COMPLETIONS]]


def _recent_values(field: Field, view: TableView, connection: sqlite3.Connection) -> list[str]:
    """The values that the newest rows hold; the whole table could take seconds."""
    sql = (
        f"SELECT DISTINCT value FROM (SELECT {field.sql} AS value FROM {view.table} AS t "
        f"ORDER BY t.id DESC LIMIT {RECENT_ROWS}) WHERE value IS NOT NULL AND value <> '' LIMIT 200"
    )
    return [str(row[0]) for row in connection.execute(sql).fetchall()]


def _quoted(value: str) -> str:
    if re.fullmatch(r'[^\s|()"]+', value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
