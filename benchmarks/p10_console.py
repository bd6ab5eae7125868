"""P10: what the console costs while it is looked at."""

from __future__ import annotations

from benchmarks import p10_chart, p10_table
from benchmarks.harness import Row


def rows() -> list[Row]:
    """A table of a million rows, and charts."""
    return [*p10_table.rows(), *p10_chart.rows()]
