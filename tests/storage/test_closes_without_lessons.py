"""Closes that have no lessons yet are looked for among what has changed, however long the history is."""

from __future__ import annotations

import sqlite3

from storage.closes import closes_without_lessons


def test_only_what_has_changed_is_looked_at(connection: sqlite3.Connection) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    assert closes_without_lessons(connection, ["import"], 1, after_rev=7) == []
    connection.set_trace_callback(None)
    [statement] = asked
    steps = " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert "ix_position_rev" in steps and "ix_position_state" not in steps
