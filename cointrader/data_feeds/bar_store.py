"""Bars that come from a running program instead of a file: checked and merged like those of any import."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cointrader.data_feeds.candle_store import Arrival, ImportResult, store_series
from cointrader.data_feeds.instrument import Instrument, parse_instrument
from cointrader.data_feeds.quality import QualityReport, find_gaps, volume_notes
from models.candle_series import CandleSeries, check_candles
from storage.candles import Candles
from storage.quarantine import QuarantineRow
from storage.workspace import Workspace


@dataclass(frozen=True)
class _Bars:
    """A series in memory, as the store wants to read it."""

    candles: Candles
    instrument: Instrument
    dialect: str = "bars of a program"
    refused: tuple[QuarantineRow, ...] = ()

    @property
    def report(self) -> QualityReport:
        candles = self.candles
        gaps = find_gaps(candles.close_ms, candles.timeframe_ms)
        silent = int(np.count_nonzero(candles.volume == 0.0))
        return QualityReport(
            rows=len(candles),
            bars=len(candles),
            timeframe_ms=candles.timeframe_ms,
            first_close_ms=int(candles.close_ms[0]),
            last_close_ms=int(candles.close_ms[-1]),
            gaps=gaps.count,
            missing_bars=gaps.missing_bars,
            longest_gap_bars=gaps.longest_bars,
            longest_gap_after_ms=gaps.longest_after_ms,
            duplicates=0,
            out_of_order=0,
            zero_volume=silent,
            refused=0,
            notes=volume_notes(silent, len(candles)),
        )

    def pieces(self) -> Iterator[Candles]:
        yield self.candles


def store_bars(
    workspace: Workspace,
    connection: sqlite3.Connection,
    series: CandleSeries,
    *,
    source_name: str,
    provenance: str,
) -> ImportResult:
    """Adds the closed bars of `series` to the workspace; those that are there already stay as they are.

    Raises BadCandles for a price or volume that cannot be, ValueError for times that do not rise or for no
    bar at all, InstrumentError for a symbol that names no pair, CandleFileError where the bars do not fit
    those that are kept.
    """
    check_candles(series)
    instrument = parse_instrument(series.symbol)
    columns = {name: getattr(series, name) for name in ("close_ms", "open", "high", "low", "close", "volume")}
    candles = Candles(symbol=instrument.symbol, timeframe_ms=series.timeframe_ms, **columns)
    if not len(candles):
        raise ValueError(f"{series.symbol}: there is no bar to store")
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(column).tobytes() for column in columns.values()))
    arrival = Arrival(Path(source_name), digest.hexdigest(), _Bars(candles, instrument), provenance)
    return store_series(workspace, connection, arrival)
