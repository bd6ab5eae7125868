"""The metrics of a version that there are too few fresh rows to judge by."""

from __future__ import annotations

import math

from models.base import Metrics


def unjudged(name: str, baseline: float, rows: int) -> Metrics:
    """No value: such a version stays a candidate, and says why."""
    return Metrics(
        name=name,
        value=math.nan,
        baseline=baseline,
        others={"rows": float(rows)},
        per_fold=(),
        note=f"only {rows:,} rows are left that no close learned from has touched: too few to judge by",
    )
