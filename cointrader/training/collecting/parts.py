"""One part of the moments of a series: judged, hashed, packed and stored together."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.collecting.canonical import Column, Windows, digests_of_rows
from cointrader.training.collecting.columns import WINDOW_BARS, SeriesColumns
from cointrader.training.collecting.completeness import completeness, mask_of
from cointrader.training.collecting.judging import Standard
from cointrader.training.collecting.moments import NO_SIGNAL, ORIGINS, SHORT, Moments
from cointrader.training.collecting.near_feeds import NearFeeds
from cointrader.training.collecting.package import is_pair
from cointrader.training.collecting.packs import ROW_ARRAYS, Pack, shared_bars, sparse_columns, write_pack
from cointrader.training.collecting.rules import CLOSE, FAULTS, Fault, are_vectors, window_faults
from models.candle_series import FloatArray, IntArray
from storage.collection import Refused, collection_of
from storage.setups import NewSetup, add_setups
from storage.workspace import Workspace


@dataclass
class CollectReport:
    """What one collection brought: counts over all parts, and refusals by reason.

    `mended` damaged packs were made again, `lost` names those that could not be.
    """

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
    mended: int = 0
    lost: list[str] = field(default_factory=list)

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


Near = tuple[FloatArray | None, FloatArray | None]


class PartCollector:
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

    def remade(self, bar: IntArray) -> tuple[Pack, list[str]]:
        """The pack of the packages of some bars, and the SHA-256 of each."""
        near = [self._near(ts_ms) for ts_ms in self._columns.close_ms[bar].tolist()]
        arrays = self._arrays(bar, near)
        return Pack(arrays), [sha256 for sha256, _ in self._hashes(bar, arrays, near)]

    def _hashes(
        self, bar: IntArray, arrays: dict[str, NDArray[Any]], near: Sequence[Near]
    ) -> list[tuple[str, str]]:
        """SHA-256 and MD5 of the packages of some bars."""
        columns, count = self._columns, len(bar)
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
        return digests_of_rows(fields, count)

    def _rows(
        self,
        moments: Moments,
        flags: Sequence[int],
        arrays: dict[str, NDArray[Any]],
        near: Sequence[Near],
    ) -> list[NewSetup]:
        columns, bar, count = self._columns, moments.bar, len(moments.bar)
        hashes = self._hashes(bar, arrays, near)
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
