"""Collecting from a whole series at once: array work for all bars, then one hash a setup.

Setups are written a few thousand at a time, each part with its pack in one transaction, so that a kill loses
one part at most and the next collection goes on after the last.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import RapidSettings, Settings
from cointrader.training.collecting.canonical import Column, Windows, digests_of_rows
from cointrader.training.collecting.columns import WINDOW_BARS, SeriesColumns, series_columns
from cointrader.training.collecting.completeness import CANDLE_FIELDS, completeness, mask_of
from cointrader.training.collecting.judging import Standard, standard_of
from cointrader.training.collecting.moments import (
    NO_SIGNAL,
    ORIGINS,
    SHORT,
    Moments,
    Signals,
    choose_moments,
    read_signals,
)
from cointrader.training.collecting.near_feeds import NearFeeds
from cointrader.training.collecting.package import is_pair
from cointrader.training.collecting.packs import ROW_ARRAYS, Pack, shared_bars, sparse_columns, write_pack
from cointrader.training.collecting.rules import CLOSE, FAULTS, Fault, are_vectors, window_faults
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.errors import BadCandles
from storage.candles import candle_record
from storage.clock import now_ms as clock_ms
from storage.collection import Refused, collection_of, note_collection_error
from storage.setups import NewSetup, add_setups, known_moments
from storage.workspace import Workspace

PART = 8_192
Progress = Callable[[int, int], None]


@dataclass
class CollectReport:
    """What one collection brought: counts over all parts, and refusals by reason."""

    symbol: str
    timeframe_ms: int
    bars: int = 0
    collected: int = 0
    known: int = 0
    rapid: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    until_ms: int = -1

    def add(
        self, rows: Sequence[NewSetup], added: int, refused: dict[str, Refused], size: int, until_ms: int
    ) -> None:
        """Counts one part of which `added` rows were new; `size` is that of its pack."""
        self.collected += added
        self.known += len(rows) - added
        self.rapid += sum(row.rapid for row in rows)
        self.origins.update(row.origin for row in rows)
        for reason, each in refused.items():
            self.refused[str(reason)] += each.n
        self.bytes += size
        self.until_ms = until_ms


def nobody(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def collect_history(
    workspace: Workspace,
    connection: sqlite3.Connection,
    series: CandleSeries,
    settings: Settings,
    signals: Signals | None = None,
    since_ms: int = -1,
    progress: Progress = nobody,
    *,
    provenance: str = "",
    needed: Sequence[str] = CANDLE_FIELDS,
    now_ms: int | None = None,
) -> CollectReport:
    """Collects the setups of a series at bars that closed later than `since_ms`; what is stored stays.

    Without `signals` those in the database are read; without a `provenance` it is that of the stored candles.
    `needed` are the fields that the smallest completeness is asked of. Raises BadCandles, after noting it as
    the collection's last error.
    """
    report = CollectReport(series.symbol, series.timeframe_ms, bars=len(series.close_ms))
    if not report.bars or int(series.close_ms[-1]) <= since_ms:
        return report
    columns = noted_columns(connection, series, settings.rapid)
    if signals is None:
        signals = read_signals(connection, series.symbol, since_ms)
    lineage = provenance or provenance_of(connection, series.symbol, series.timeframe_ms)
    first_bar = int(np.searchsorted(series.close_ms, since_ms, side="right"))
    moments = choose_moments(columns, signals, settings.training.interval_bars, first_bar)
    moments, report.known = _unknown(connection, columns, moments)
    standard = standard_of(settings.training.min_data_completeness, needed)
    latest_ms = clock_ms() if now_ms is None else now_ms
    parts = _Parts(workspace, connection, columns, standard, lineage, latest_ms)
    for start in range(0, max(1, len(moments.bar)), PART):
        part = moments.where(slice(start, start + PART))
        is_last = start + PART >= len(moments.bar)
        until_ms = int(series.close_ms[-1]) if is_last else int(columns.close_ms[part.bar[-1]])
        parts.collect(part, until_ms, report)
        progress(min(start + PART, len(moments.bar)), len(moments.bar))
    return report


def noted_columns(
    connection: sqlite3.Connection, series: CandleSeries, settings: RapidSettings
) -> SeriesColumns:
    """`series_columns`; bad candles are noted as the last error of the collection before they are raised."""
    try:
        return series_columns(series, settings)
    except BadCandles as error:
        note_collection_error(connection, series.symbol, series.timeframe_ms, str(error))
        raise


def provenance_of(connection: sqlite3.Connection, symbol: str, timeframe_ms: int) -> str:
    """Where the stored candles of a series come from; `import` where there are none."""
    record = candle_record(connection, symbol, timeframe_ms)
    return "import" if record is None else record.provenance


def _unknown(connection: sqlite3.Connection, columns: SeriesColumns, moments: Moments) -> tuple[Moments, int]:
    """The moments that no setup is stored for, and how many there is one for."""
    if not len(moments.bar):
        return moments, 0
    at = columns.close_ms[moments.bar]
    known = known_moments(connection, columns.symbol, columns.timeframe_ms, int(at[0]), int(at[-1]))
    fresh = ~np.isin(at, np.fromiter(known, np.int64, len(known)))
    return moments.where(fresh), int(len(at) - fresh.sum())


Near = tuple[FloatArray | None, FloatArray | None]


class _Parts:
    """Collects parts of the moments of one series."""

    def __init__(
        self,
        workspace: Workspace,
        connection: sqlite3.Connection,
        columns: SeriesColumns,
        standard: Standard,
        provenance: str,
        now_ms: int,
    ) -> None:
        self._workspace, self._connection, self._columns = workspace, connection, columns
        self._standard, self._provenance, self._now_ms = standard, provenance, now_ms
        self._faults = window_faults(columns.bars, columns.timeframe_ms)
        made_up = provenance == "synthetic"
        self._feeds = NearFeeds(connection, columns.symbol, columns.timeframe_ms, synthetic=made_up)
        before = collection_of(connection, columns.symbol, columns.timeframe_ms)
        self._counted_until_ms = -1 if before is None else before.last_ts_ms

    def collect(self, moments: Moments, until_ms: int, report: CollectReport) -> None:
        """Judges, hashes, packs and stores one part of the moments, and counts it."""
        at = self._columns.close_ms[moments.bar].tolist()
        near = [self._near(ts_ms) for ts_ms in at]
        flags = self._flags(moments.bar, near).tolist()
        faults = [FAULTS[place] for place in self._faults[moments.bar].tolist()]
        verdicts = [
            self._standard.refusal(flag, fault, ts_ms, self._now_ms)
            for flag, fault, ts_ms in zip(flags, faults, at, strict=True)
        ]
        refused = self._refused(at, flags, verdicts)
        kept = [place for place, verdict in enumerate(verdicts) if verdict is None]
        rows: list[NewSetup] = []
        file = None
        if kept:
            chosen = moments.where(np.array(kept, dtype=np.int64))
            near, flags = [near[place] for place in kept], [flags[place] for place in kept]
            arrays = self._arrays(chosen.bar, near)
            file = write_pack(self._workspace, Pack(arrays))
            rows = self._rows(chosen, flags, arrays, near)
        added = add_setups(
            self._connection,
            file,
            rows,
            symbol=self._columns.symbol,
            timeframe_ms=self._columns.timeframe_ms,
            until_ms=until_ms,
            refused=refused,
        )
        report.add(rows, added, refused, 0 if file is None else file.bytes, until_ms)

    def _near(self, ts_ms: int) -> Near:
        """Trades and book shortly before a moment."""
        if not self._feeds.covers(ts_ms):
            return None, None
        return self._feeds.ticks(ts_ms), self._feeds.order_book(ts_ms)

    def _flags(self, bar: IntArray, near: Sequence[Near]) -> IntArray:
        columns = self._columns
        valid = {
            "timestamp": columns.close_ms[bar] > 0,
            "symbol": np.full(len(bar), is_pair(columns.symbol)),
            "ohlcv": self._faults[bar] == 0,
            "ticks": np.array([ticks is not None for ticks, _ in near], dtype=np.bool_),
            "order_book": np.array([book is not None for _, book in near], dtype=np.bool_),
            "indicators": are_vectors(columns.indicators[bar]),
            "pivots": are_vectors(columns.pivots[bar], zeros=True),
            "rl_state": are_vectors(columns.rl_state[bar]),
            "context": are_vectors(columns.context[bar]),
        }
        flags = np.zeros(len(bar), dtype=np.int64)
        for name, there in valid.items():
            flags |= np.where(there, mask_of((name,)), 0)
        return flags

    def _refused(
        self, at: Sequence[int], flags: Sequence[int], verdicts: Sequence[Fault | None]
    ) -> dict[str, Refused]:
        """Refusals by reason; those that an earlier collection has counted are not counted again."""
        refused: dict[str, Refused] = {}
        for ts_ms, flag, fault in zip(at, flags, verdicts, strict=True):
            if fault is None or ts_ms <= self._counted_until_ms:
                continue
            n = refused[fault].n if fault in refused else 0
            words = self._standard.in_words(fault, flag, self._columns.symbol, ts_ms)
            refused[str(fault)] = Refused(n + 1, ts_ms, words)
        return refused

    def _arrays(self, bar: IntArray, near: Sequence[Near]) -> dict[str, NDArray[Any]]:
        columns = self._columns
        needed, last_bar = shared_bars(bar, len(columns.close_ms))
        rows = {name: getattr(columns, name)[bar] for name in ROW_ARRAYS}
        sparse = sparse_columns([ticks for ticks, _ in near], [book for _, book in near])
        return {"bars": columns.bars[needed], "last_bar": last_bar, **rows, **sparse}

    def _rows(
        self,
        moments: Moments,
        flags: Sequence[int],
        arrays: dict[str, NDArray[Any]],
        near: Sequence[Near],
    ) -> list[NewSetup]:
        columns, bar, count = self._columns, moments.bar, len(moments.bar)
        fields: dict[str, Column] = {
            "timestamp": columns.close_ms[bar],
            "timeframe_ms": np.full(count, columns.timeframe_ms, dtype=np.int64),
            "symbol": [columns.symbol] * count,
            "ohlcv": Windows(arrays["bars"], arrays["last_bar"], WINDOW_BARS),
            "ticks": [ticks for ticks, _ in near],
            "order_book": [book for _, book in near],
            "cnn_features": [None] * count,
            **{name: arrays[name] for name in ROW_ARRAYS},
        }
        hashes = digests_of_rows(fields, count)
        rapid = columns.rapid
        in_order: dict[str, Sequence[object]] = {
            "ts_ms": columns.close_ms[bar].tolist(),
            "symbol": [columns.symbol] * count,
            "timeframe_ms": [columns.timeframe_ms] * count,
            "origin": [ORIGINS[place] for place in moments.origin.tolist()],
            "side": ["short" if side == SHORT else "long" for side in moments.side.tolist()],
            "taken": moments.taken.tolist(),
            "signal_id": [None if each == NO_SIGNAL else each for each in moments.signal_id.tolist()],
            "price": columns.bars[bar, CLOSE].tolist(),
            "completeness": [completeness(flag) for flag in flags],
            "flags": flags,
            "rapid": rapid.fired[bar].astype(np.int64).tolist(),
            "velocity": _or_none(rapid.velocity[bar]),
            "spike": _or_none(rapid.spike[bar]),
            "extreme": columns.extreme[bar].tolist(),
            "sha256": [sha256 for sha256, _ in hashes],
            "md5": [md5 for _, md5 in hashes],
            "pack_row": range(count),
            "provenance": [self._provenance] * count,
        }
        return list(map(NewSetup._make, zip(*(in_order[name] for name in NewSetup._fields), strict=True)))


def _or_none(values: FloatArray) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
