"""Collecting from a whole series at once: array work for all bars, then one hash a setup.

Setups are written a few thousand at a time, each part with its pack in one transaction, so that a kill loses
one part at most and the next collection goes on after the last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import numpy as np

from cointrader.settings import RapidSettings, Settings
from cointrader.training.collecting.columns import SeriesColumns, series_columns
from cointrader.training.collecting.completeness import CANDLE_FIELDS
from cointrader.training.collecting.judging import standard_of
from cointrader.training.collecting.mending import mend_packs
from cointrader.training.collecting.moments import (
    Moments,
    Signals,
    choose_moments,
    read_signals,
)
from cointrader.training.collecting.parts import CollectReport, PartCollector
from models.candle_series import CandleSeries
from models.errors import BadCandles
from storage.candles import candle_record
from storage.clock import now_ms as clock_ms
from storage.collection import note_collection_error
from storage.setups import known_moments
from storage.workspace import Workspace

PART = 8_192
Progress = Callable[[int, int], None]


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

    A collection of all of it (`since_ms` below 0) also makes damaged packs again from the candles.
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
    parts = PartCollector(workspace, connection, columns, standard, lineage, latest_ms)
    if since_ms < 0 and report.known:
        report.mended, report.lost = mend_packs(workspace, connection, columns, parts.remade)
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
