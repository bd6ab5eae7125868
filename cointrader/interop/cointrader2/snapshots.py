"""JSON files that the bot rewrites to say how things stand: statistics, weights, how far the bootstrap is.

Each state is one event; the newest one of a kind is how things stand. strategy_stats.json
{strategy: {trades, win_rate, ...}}, weights.json {strategy: weight}, bandit.json {priors, count},
bootstrap_progress.json {timeframe: {fetched, required}}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cointrader.interop.cointrader2.performance_json import parse_json
from cointrader.interop.cointrader2.records import BotEvent, Reading, key_of

BOOTSTRAP = "bootstrap"
KINDS = {
    "strategy_stats.json": "stats",
    "weights.json": "weights",
    "bandit.json": "bandit",
    "bootstrap_progress.json": BOOTSTRAP,
}
"""The kind of event a file becomes."""

LARGEST_BYTES = 4 << 20


def read_snapshot(name: str, content: bytes, changed_ns: int) -> Reading:
    """The state that a file tells, as one event at the moment of its change. Raises HalfWritten."""
    document = parse_json(content)
    kind = KINDS[name]
    moment = changed_ns // 1_000_000
    text = _progress(document) if kind == BOOTSTRAP else f"{name} changed"
    data: Mapping[str, Any] = document if isinstance(document, dict) else {"value": document}
    key = key_of(kind, changed_ns, json.dumps(document, sort_keys=True))
    return Reading([BotEvent(1, moment, kind, text, key, data=data)])


def _progress(document: Any) -> str:
    parts = []
    for timeframe, counts in document.items() if isinstance(document, dict) else ():
        if isinstance(counts, dict):
            parts.append(f"{timeframe} {counts.get('fetched', '?')} of {counts.get('required', '?')}")
    return ", ".join(parts) or "no timeframe is being fetched"
