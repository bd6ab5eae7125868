"""P10: what the console costs while it is looked at."""

from __future__ import annotations

from benchmarks import p10_chart
from benchmarks.harness import Row


def rows() -> list[Row]:
    """Charts."""
    return p10_chart.rows()
