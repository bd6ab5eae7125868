"""How often what is rejected: by reason, strategy, symbol and hour of the day (UTC)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cointrader.core.learning_layer.rows import Row, symbol_of
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms

UNKNOWN = "unknown"
HOUR_MS = 3_600_000

_KINDS = (
    "SELECT strategy, symbol, ts_ms / 3600000 % 24, count(*), sum(status = 'rejected') FROM signal "
    "GROUP BY 1, 2, 3"
)


@dataclass
class Patterns:
    """Counts of signals and of rejections by what they were of."""

    reasons: Counter[str] = field(default_factory=Counter)
    signals: dict[str, Counter[str]] = field(default_factory=dict)
    rejections: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, of: Mapping[str, str], signals: int, rejections: int) -> None:
        """Counts signals of one strategy, symbol and hour, and how many of them were rejected."""
        for name, value in of.items():
            self.signals.setdefault(name, Counter())[value] += signals
            self.rejections.setdefault(name, Counter())[value] += rejections

    def as_dict(self) -> dict[str, Any]:
        """{by_reason {reason: n}, by_strategy, by_symbol, by_hour {value: {signals, rejections, rate}}}."""
        made: dict[str, Any] = {"by_reason": dict(self.reasons.most_common())}
        for name in ("strategy", "symbol", "hour"):
            refused = self.rejections.get(name, Counter())
            made[f"by_{name}"] = {
                value: {"signals": count, "rejections": refused[value], "rate": refused[value] / count}
                for value, count in sorted(self.signals.get(name, Counter()).items())
            }
        return made


def patterns_of_rows(rows: Sequence[Row]) -> Patterns:
    """Patterns of the signals that were told."""
    patterns = Patterns()
    for row in rows:
        signal = row["signal"]
        of = {
            "strategy": str(signal.get("strategy") or UNKNOWN),
            "symbol": symbol_of(signal) or UNKNOWN,
            "hour": _hour(signal),
        }
        patterns.add(of, 1, int(row["rejected"]))
        if row["rejected"]:
            patterns.reasons[row["rejection_reason"] or UNKNOWN] += 1
    return patterns


def patterns_of_runs(connection: sqlite3.Connection) -> Patterns:
    """Patterns of every stored signal of every run; a reason is the code of its rule."""
    patterns = Patterns()
    for strategy, symbol, hour, signals, rejections in connection.execute(_KINDS).fetchall():
        patterns.add({"strategy": strategy, "symbol": symbol, "hour": f"{hour:02}"}, signals, rejections)
    counted = connection.execute("SELECT code, count(*) FROM rejection GROUP BY code").fetchall()
    patterns.reasons.update(dict(counted))
    return patterns


def _hour(signal: Mapping[str, Any]) -> str:
    try:
        return f"{to_ms(signal.get('timestamp')) // HOUR_MS % 24:02}"
    except TimeRefused:
        return UNKNOWN
