"""From records to rows, and from rows to a trained version of `signal_quality`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.records.normalising import inside_symbol
from cointrader.data_feeds.records.schemas import PRICE_TYPES
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from cointrader.training.queued import QueuedTraining, WorkerNotReached, train_and_wait
from cointrader.training.source import WorkspaceSource
from models.errors import ModelError
from models.parameters import ParameterError, build
from models.signal_quality import agent
from models.signal_quality.feeds import MARKET_WIDE
from models.signal_quality.params import SignalQualityParams
from models.signal_quality.rule import signals_of
from storage.candles import list_candles, read_candles
from storage.database import open_database, transaction
from storage.errors import StorageError
from storage.events import Severity, record_event
from storage.feed_records import KEY_PREFIX

AGENT = "signal_quality"
SIGNAL = "trading_signal"
FEATURES = ("price", "volume", "sentiment", "slippage", "spread", "liquidity", "signal_strength")
SENTIMENT_SECONDS = 24 * 3600.0
MARKET_SECONDS = 300.0

# Which field of which type of record tells which feature.
_TELLS: Mapping[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(PRICE_TYPES, (("price", "price"), ("volume", "volume"))),
    "trade_tape": (("price", "price"),),
    "microstructure": (("spread", "spread"), ("liquidity", "liquidity")),
    "slippage": (("slippage", "slippage"),),
    "twitter_sentiment": (("sentiment", "sentiment"),),
    "news_sentiment": (("sentiment", "sentiment"),),
    "aggregated_sentiment": (("aggregate_sentiment", "sentiment"),),
    SIGNAL: (("strength", "signal_strength"),),
}
_SIDES = {1: "buy", -1: "sell"}

Row = dict[str, Any]


@dataclass
class _Known:
    """The latest value of each feature by symbol, with the time it is from."""

    latest: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def hear(self, symbol: str, type: str, record: Mapping[str, Any]) -> dict[str, float]:
        """The features that this record tells."""
        told = {
            feature: float(record[name])
            for name, feature in _TELLS.get(type, ())
            if isinstance(record.get(name), int | float)
        }
        for feature, value in told.items():
            self.latest[symbol, feature] = (record["timestamp"], value)
        return told

    def at(self, symbol: str, timestamp: float) -> dict[str, float | None]:
        """Every feature as it was known at a time: None for what was not, or not lately."""
        about = (symbol, symbol.partition("/")[0], MARKET_WIDE)
        known: dict[str, float | None] = dict.fromkeys(FEATURES)
        for feature in FEATURES:
            within = SENTIMENT_SECONDS if feature == "sentiment" else MARKET_SECONDS
            for name in about if feature == "sentiment" else (symbol,):
                found = self.latest.get((name, feature))
                if found is not None and 0.0 <= timestamp - found[0] <= within:
                    known[feature] = found[1]
                    break
        return known


class TrainingModule:
    """Makes datasets of what a connector and its workspace hold, and trains `signal_quality` on them."""

    def __init__(self, db: DBConnector, *, timeout_seconds: float = 600.0) -> None:
        self.db = db
        self.timeout_seconds = timeout_seconds

    def prepare_dataset(self, key_pattern: str = "*") -> list[Row]:
        """One row a record that matches, and one a signal over the stored candles, in order of time.

        {symbol, type, timestamp, features {price, volume, sentiment, slippage, spread, liquidity,
        signal_strength}}, each feature as it was known at that time, None where it was not. Rows of signals
        over candles come when the pattern lets `trading_signal` through; they say their `signal_type`.
        """
        rows = self._of_records(key_pattern)
        if _lets_signals_through(key_pattern):
            rows += self._of_candles(key_pattern)
        return sorted(rows, key=lambda row: float(row["timestamp"]))

    def train_model(
        self, dataset: Sequence[Row], params: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> dict[str, Any]:
        """Trains `signal_quality` on the signals at the rows' moments, in a child process, and waits.

        {dataset_size, rows_used, accuracy, updated, reason}, and of a stored version {version, metric,
        value, baseline, status, job}. `updated` only when a version was stored; `accuracy` is that on rows
        the model had not seen, None without a version. What failed stands in `error`, too.
        """
        answer: dict[str, Any] = {
            "dataset_size": len(dataset),
            "rows_used": 0,
            "accuracy": None,
            "updated": False,
        }
        chosen = dict(params or {})
        with closing(open_database(self.db.workspace)) as connection:
            try:
                made = self._dataset(connection, dataset, chosen)
                answer["rows_used"] = made.rows
                trained = train_and_wait(
                    self.db.workspace,
                    connection,
                    AGENT,
                    made,
                    chosen,
                    seed=seed,
                    timeout_seconds=self.timeout_seconds,
                )
            except ModelError as error:
                given = f"{len(dataset):,} {'record was' if len(dataset) == 1 else 'records were'} given"
                answer["reason"] = f"{error}; {given}"
            except (ParameterError, StorageError, WorkerNotReached, sqlite3.Error) as error:
                answer["reason"] = answer["error"] = str(error)
            else:
                answer |= _told(trained)
            _record(connection, answer)
        return answer

    def _dataset(self, connection: sqlite3.Connection, rows: Sequence[Row], params: Mapping[str, Any]) -> Any:
        """The agent's dataset of the signals at these rows' moments. Raises NotEnoughRows, ParameterError."""
        source = WorkspaceSource(self.db.workspace, connection)
        moments: dict[str, set[int]] = {}
        for row in rows:
            if row["type"] in (SIGNAL, *PRICE_TYPES):
                moments.setdefault(inside_symbol(str(row["symbol"])), set()).add(_moment(row))
        return agent.dataset_of(source, build(SignalQualityParams, params), moments)

    def _of_records(self, pattern: str) -> list[Row]:
        """Every record that matches, with what other records had told by then."""
        known, rows = _Known(), []
        for record in self._every_record():
            symbol = inside_symbol(str(record.get("symbol") or record.get("keyword") or ""))
            type, time = record["type"], record["timestamp"]
            told = known.hear(symbol, type, record)
            if _matches(pattern, record):
                named = record.get("symbol") or record.get("keyword") or "unknown"
                features = {**known.at(symbol, time), **told}
                rows.append({"symbol": named, "type": type, "timestamp": time, "features": features})
        return rows

    def _every_record(self) -> Iterator[dict[str, Any]]:
        for page in self.db.pages("*"):
            yield from page

    def _of_candles(self, pattern: str) -> list[Row]:
        """One row a signal of the rule over stored candles."""
        known = _Known()
        told = [record for record in self._every_record() if record["type"] in _TELLS]
        signals = sorted(self._signals(pattern), key=lambda row: float(row["timestamp"]))
        place, rows = 0, []
        for row in signals:
            while place < len(told) and told[place]["timestamp"] <= row["timestamp"]:
                record = told[place]
                named = str(record.get("symbol") or record.get("keyword") or "")
                known.hear(inside_symbol(named), record["type"], record)
                place += 1
            row["features"] = {**known.at(row["symbol"], row["timestamp"]), **row["features"]}
            rows.append(row)
        return rows

    def _signals(self, pattern: str) -> Iterator[Row]:
        with closing(open_database(self.db.workspace)) as connection:
            for stored in list_candles(connection):
                if not _matches(pattern, {"symbol": stored.symbol, "type": SIGNAL, "timestamp": 0.0}):
                    continue
                series = read_candles(
                    self.db.workspace, stored.symbol, stored.timeframe_ms, connection=connection
                )
                side, strength = signals_of(series)
                for bar in side.nonzero()[0].tolist():
                    yield {
                        "symbol": stored.symbol,
                        "type": SIGNAL,
                        "timestamp": int(series.close_ms[bar]) / 1000,
                        "signal_type": _SIDES[int(side[bar])],
                        "features": {
                            "price": float(series.close[bar]),
                            "volume": float(series.volume[bar]),
                            "signal_strength": float(strength[bar]),
                        },
                    }


def _moment(row: Row) -> int:
    try:
        return to_ms(row["timestamp"])
    except TimeRefused as error:
        raise ModelError(f"a row of {row['symbol']}: {error}") from error


def _lets_signals_through(pattern: str) -> bool:
    if pattern in ("", "*"):
        return True
    if pattern.startswith(KEY_PREFIX):
        return fnmatchcase(SIGNAL, pattern.rpartition(":")[2])
    return fnmatchcase(SIGNAL, pattern.partition(":")[0])


def _matches(pattern: str, record: Mapping[str, Any]) -> bool:
    """Whether a record matches, as the store would say."""
    if pattern in ("", "*"):
        return True
    named = str(record.get("symbol") or record.get("keyword") or "unknown")
    key = f"{KEY_PREFIX}{record['timestamp']}:{named}:{record['type']}"
    if pattern.startswith(KEY_PREFIX):
        return fnmatchcase(key, pattern)
    channel, colon, symbol = pattern.partition(":")
    if not colon:
        return fnmatchcase(record["type"], channel) or fnmatchcase(key, pattern)
    spellings = (named, inside_symbol(named))
    return fnmatchcase(record["type"], channel) and any(fnmatchcase(each, symbol) for each in spellings)


def _told(trained: QueuedTraining) -> dict[str, Any]:
    """What the caller is told of a training that has ended (or goes on after the timeout)."""
    result = trained.job.result
    told: dict[str, Any] = {"reason": trained.reason, "updated": trained.succeeded, "job": trained.job.id}
    if not trained.succeeded:
        return told | {"error": trained.reason}
    named = {name: result.get(name) for name in ("version", "metric", "value", "baseline", "status")}
    return told | named | {"accuracy": trained.metrics.get("accuracy")}


def _record(connection: sqlite3.Connection, answer: Mapping[str, Any]) -> None:
    """Every training that was asked for is an event."""
    severity: Severity = "info" if answer["updated"] else "warning"
    if "error" in answer:
        severity = "error"
    verb = "stored a version" if answer["updated"] else "was refused" if "error" not in answer else "failed"
    text = f"training of {AGENT} on {answer['dataset_size']:,} records {verb}: {answer['reason']}"
    with transaction(connection):
        record_event(connection, "training", text, severity=severity, subject=AGENT, data=dict(answer))
