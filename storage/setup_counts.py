"""How many setups there are, and how many of them a replay would choose from."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class SetupCounts:
    """Counts of setups: stored, with an outcome, passing a filter, reaching a score as well."""

    stored: int
    validated: int
    filtered: int
    passing: int


def count_setups(connection: sqlite3.Connection, *, min_score: float = 0.0, filter: str = "") -> SetupCounts:
    """Counts in one pass; `min_score` is the profitability score from which a setup passes.

    Raises FilterError for a filter that cannot be understood.
    """
    from storage.filters import compile_filter
    from storage.pages import get_view

    compiled = compile_filter(filter, get_view("setups"))
    passes = f"({compiled.sql})" if compiled.sql else "1"
    rows = connection.execute(
        "SELECT count(*), coalesce(sum(validated), 0), coalesce(sum(validated AND passes), 0), "
        "coalesce(sum(validated AND passes AND score >= ?), 0) FROM ("
        f"SELECT t.state = 'validated' AS validated, {passes} AS passes, t.score AS score FROM setup AS t)",
        (min_score, *compiled.parameters),
    ).fetchall()
    return SetupCounts(*(int(value) for value in rows[0]))
