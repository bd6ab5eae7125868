"""How the recorded feeds behave: what is there of each symbol, how it moves, where it is silent or jumps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.records.normalising import inside_symbol
from cointrader.data_feeds.records.schemas import PRICE_TYPES
from storage.errors import StorageError

GAP_STEPS = 3.0
"""A gap is a step of more than so many times the usual one."""

SPIKE_DEVIATIONS = 6.0
SPIKE_FLOOR = 1e-3
"""A spike is a price that moved by more than so many robust deviations at once, and by 10 bps at least."""

FREQUENT = 3
"""From so many spikes on a symbol is named among those with frequent ones."""


@dataclass
class _Symbol:
    """What is gathered of one symbol."""

    records: int = 0
    times: list[float] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = {"records": self.records, "prices": len(self.prices)}
        if self.prices:
            report |= {"price_min": min(self.prices), "price_max": max(self.prices)}
        if len(self.prices) > 1:
            times, moves = np.array(self.times), np.diff(np.log(np.array(self.prices)))
            report |= _gaps(times) | _moves(moves)
        return report


def _gaps(times: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    steps = np.diff(times)
    usual = float(np.median(steps))
    wide = steps[steps > GAP_STEPS * usual] if usual > 0.0 else steps[:0]
    longest = float(wide.max()) if wide.size else 0.0
    return {"usual_step_s": usual, "gaps": int(wide.size), "longest_gap_s": longest}


def _moves(moves: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """Deviation of the log returns, and the returns beyond six robust deviations (1.4826 x median |r|)."""
    robust = 1.4826 * float(np.median(np.abs(moves - np.median(moves))))
    beyond = np.abs(moves) > max(SPIKE_FLOOR, SPIKE_DEVIATIONS * robust)
    return {"volatility": float(moves.std()), "spikes": int(beyond.sum())}


class ResearchEngine:
    """Looks through what a connector holds."""

    def __init__(self, db: DBConnector) -> None:
        self.db = db

    def analyze_feed_behavior(self, key_pattern: str = "*") -> dict[str, Any]:
        """What the records that match say.

        {total_records, symbols, types (sets), timestamp_range {min, max}, by_symbol {symbol: {records,
        prices, price_min, price_max, usual_step_s, gaps, longest_gap_s, volatility, spikes}},
        frequent_spikes}, and `price_volatility` (highest - lowest price) where there are prices.
        {status: "no_data"} without a record, {status: "error", error} when they could not be read.
        """
        try:
            return self._analyze(key_pattern)
        except (StorageError, sqlite3.Error, OSError) as error:
            return {"status": "error", "error": str(error)}

    def _analyze(self, pattern: str) -> dict[str, Any]:
        found: dict[str, _Symbol] = {}
        types: set[str] = set()
        spelled: dict[str, str] = {}
        first = last = None
        for record in self._records(pattern):
            first = record["timestamp"] if first is None else first
            last = record["timestamp"]
            types.add(record["type"])
            _gather(found.setdefault(_name(record, spelled), _Symbol()), record)
        if first is None:
            return {"status": "no_data"}
        reports = {symbol: gathered.report() for symbol, gathered in sorted(found.items())}
        analysis: dict[str, Any] = {
            "total_records": sum(gathered.records for gathered in found.values()),
            "symbols": set(found),
            "types": types,
            "timestamp_range": {"min": first, "max": last},
            "by_symbol": reports,
            "frequent_spikes": [name for name, each in reports.items() if each.get("spikes", 0) >= FREQUENT],
        }
        prices = [price for gathered in found.values() for price in gathered.prices]
        if prices:
            analysis["price_volatility"] = max(prices) - min(prices)
        return analysis

    def collect_training_data(self, key_pattern: str = "*") -> list[dict[str, Any]]:
        """Every record that matches, oldest first."""
        return list(self._records(key_pattern))

    def _records(self, pattern: str) -> Iterator[dict[str, Any]]:
        for page in self.db.pages(pattern):
            yield from page


def _gather(symbol: _Symbol, record: dict[str, Any]) -> None:
    symbol.records += 1
    if record["type"] in PRICE_TYPES:
        symbol.times.append(record["timestamp"])
        symbol.prices.append(record["price"])


def _name(record: dict[str, Any], spelled: dict[str, str]) -> str:
    """The symbol as it came first: two spellings of one are one."""
    named = str(record.get("symbol") or record.get("keyword") or "unknown")
    return spelled.setdefault(inside_symbol(named), named)
