"""How the core behaves: what it rejects and why, what its log says, and what the market does meanwhile."""

from __future__ import annotations

import math
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np

from cointrader.core.agent_logger import CoreAgentLogger
from cointrader.core.learning_layer.log_mining import mine_logs
from cointrader.core.learning_layer.patterns import patterns_of_rows, patterns_of_runs
from cointrader.core.learning_layer.rejection_report import report_rejections
from cointrader.core.learning_layer.rows import told_rows
from cointrader.core.memory.recent_context import RecentContext
from cointrader.data_feeds.records.normalising import inside_symbol
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from storage.candles import list_candles, read_candles
from storage.database import open_database
from storage.report_counts import stretch_since

FREQUENT = 3
"""From so many rejections on a reason is named among the frequent ones."""

VOLATILITY_BARS = 96
TREND = "30d"


class ResearchEngine:
    """Looks through what a context holds, and what the workspace has stored beside it.

    Every call opens the workspace for itself, so that any thread may make it.
    """

    def __init__(self, context: RecentContext) -> None:
        self.context = context

    def analyze_behavior(self) -> dict[str, Any]:
        """What was told to the core lately, and what became of it.

        {rejection_summary {reason: n}, signal_summary {strategy: n}, total_signals, total_rejections} of the
        context; `frequent_rejections` the reasons given three times or more, the most frequent first;
        `patterns` {by_reason, by_strategy, by_symbol, by_hour} of its signals; `runs` the same of every
        stored signal, reasons by their code; `trends` their rates of rejection in the last 30 days that have
        signals, against the 30 days before (None without signals); `logs` {files, lines, actions,
        error_count, errors}.
        """
        workspace = self.context.workspace
        with closing(open_database(workspace)) as connection:
            context = RecentContext(self.context.max_history, workspace=workspace, connection=connection)
            rows = told_rows(context)
            reasons = Counter(each["reason"] for each in context.get_recent_rejections())
            strategies = Counter(str(row["signal"].get("strategy") or "unknown") for row in rows)
            analysis = {
                "rejection_summary": dict(reasons.most_common()),
                "signal_summary": dict(strategies.most_common()),
                "total_signals": len(rows),
                "total_rejections": reasons.total(),
                "frequent_rejections": [name for name, n in reasons.most_common() if n >= FREQUENT],
                "patterns": patterns_of_rows(rows).as_dict(),
                "runs": patterns_of_runs(connection).as_dict(),
                "trends": _trends(connection),
                "logs": mine_logs(workspace.logs).as_dict(),
            }
            told = {name: analysis[name] for name in ("total_signals", "total_rejections")}
            CoreAgentLogger(workspace=workspace, connection=connection).log_action("analyze_behavior", told)
        return analysis

    def collect_market_data(self, external: Mapping[str, Any] | str) -> dict[str, Any]:
        """{market, timestamp, metrics} of what a program knows of a market, or of the stored candles.

        A mapping names its `market` (or `symbol`) and may bring `timestamp`, `price`, `prices` (oldest first)
        and `volatility`, `volume`, others in `metrics`; from prices the latest and the deviation of their log
        returns are taken where they are not told. Of a symbol alone, or a mapping without any number, the
        last stored candles speak. Numbers that are not finite, and prices not above 0, are left out and
        named in `refused`.
        """
        told: Mapping[str, Any] = {"market": external} if isinstance(external, str) else external
        market = inside_symbol(str(told.get("market") or told.get("symbol") or "unknown"))
        metrics, refused = _metrics(told)
        found = {"market": market, "timestamp": _seconds(told.get("timestamp")), "metrics": metrics}
        workspace = self.context.workspace
        with closing(open_database(workspace)) as connection:
            if not metrics:
                found |= self._stored(connection, market)
            if refused:
                found["refused"] = refused
            CoreAgentLogger(workspace=workspace, connection=connection).log_action(
                "collect_market_data", found, severity="warning" if refused else "info"
            )
        return found

    def _stored(self, connection: Any, market: str) -> dict[str, Any]:
        """Time and metrics of the last candles of a market; nothing where there are none."""
        kept = [row for row in list_candles(connection) if row.symbol == market]
        if not kept:
            return {}
        finest = min(kept, key=lambda row: row.timeframe_ms)
        series = read_candles(self.context.workspace, market, finest.timeframe_ms, connection=connection)
        metrics = _of_prices(series.close[-VOLATILITY_BARS - 1 :].tolist())
        metrics["volume"] = float(series.volume[-1])
        return {"timestamp": int(series.close_ms[-1]) / 1000, "metrics": metrics}


def _trends(connection: sqlite3.Connection) -> dict[str, Any] | None:
    stretch = stretch_since(connection, TREND)
    return None if stretch is None else report_rejections(connection, stretch).as_dict()


def _metrics(told: Mapping[str, Any]) -> tuple[dict[str, float], list[str]]:
    """The usable numbers of what was told, and the names of those that are not."""
    extra = told.get("metrics")
    named = dict(extra) if isinstance(extra, Mapping) else {}
    named |= {name: told[name] for name in ("price", "volatility", "volume") if name in told}
    metrics: dict[str, float] = {}
    prices = told.get("prices")
    if isinstance(prices, list | tuple) and prices:
        if all(_is_usable("price", price) for price in prices):
            metrics |= _of_prices([float(price) for price in prices])
        else:
            named["prices"] = prices
    refused = [str(name) for name, value in named.items() if not _is_usable(str(name), value)]
    metrics |= {str(name): float(value) for name, value in named.items() if str(name) not in refused}
    return metrics, refused


def _is_usable(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return value > 0 if name == "price" else value >= 0 if name in ("volatility", "volume") else True


def _of_prices(prices: list[float]) -> dict[str, float]:
    moves = np.diff(np.log(np.array(prices)))
    return {"price": prices[-1]} | ({"volatility": float(moves.std())} if len(moves) else {})


def _seconds(timestamp: object) -> float:
    try:
        return to_ms(timestamp) / 1000
    except TimeRefused:
        return time.time()
