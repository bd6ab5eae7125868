"""How far the bot's bootstrap is: bars fetched and needed, a timeframe at a time, and when it may be done."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.bot.events import Said, newest

_LOOK_BACK = 200  # states of the file
_RATE_MS = 3_600_000  # over at most the last hour


@dataclass(frozen=True)
class TimeframeProgress:
    """Bars of one timeframe; `eta_ms` is how long it may take yet, None where nothing moves."""

    timeframe: str
    fetched: int
    required: int
    eta_ms: int | None

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.fetched / self.required) if self.required > 0 else 1.0


@dataclass(frozen=True)
class Bootstrap:
    """The newest state; `scan_percent` is the bot's own word on its first scan."""

    ts_ms: int | None
    timeframes: tuple[TimeframeProgress, ...]
    scan_percent: float | None

    @property
    def is_done(self) -> bool:
        """Whether everything needed is there; False where nothing is known."""
        return bool(self.timeframes) and all(part.fraction >= 1.0 for part in self.timeframes)


def how_far_is_the_bootstrap(connection: sqlite3.Connection) -> Bootstrap:
    """Reads the newest state, and from those before it how fast it goes."""
    states = newest(connection, "bootstrap", limit=_LOOK_BACK)
    scans = newest(connection, "scan")
    percent = scans[0].data.get("percent") if scans else None
    parts = []
    for timeframe in states[0].data if states else ():
        counts = _counts(states[0], timeframe)
        if counts is not None:
            parts.append(TimeframeProgress(timeframe, *counts, _eta(states, timeframe)))
    scan = float(percent) if isinstance(percent, int | float) else None
    return Bootstrap(states[0].ts_ms if states else None, tuple(parts), scan)


def _counts(state: Said, timeframe: str) -> tuple[int, int] | None:
    found = state.data.get(timeframe)
    if not isinstance(found, dict):
        return None
    values = found.get("fetched"), found.get("required")
    if not all(isinstance(value, int | float) for value in values):
        return None
    return int(values[0] or 0), int(values[1] or 0)


def _eta(states: list[Said], timeframe: str) -> int | None:
    """By the rate since the oldest state that is not more than an hour older than the newest."""
    now = _counts(states[0], timeframe)
    older = [state for state in states[1:] if states[0].ts_ms - state.ts_ms <= _RATE_MS]
    before = _counts(older[-1], timeframe) if older else None
    if now is None or before is None:
        return None
    gained, took = now[0] - before[0], states[0].ts_ms - older[-1].ts_ms
    left = max(0, now[1] - now[0])
    if left == 0:
        return 0
    return round(left * took / gained) if gained > 0 and took > 0 else None
