"""Setups stored over candles as the collector stores them, with states that a test can tell apart."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.candle_series import PlainCandles
from storage.database import transaction
from storage.setups import NewSetup, PackFile, add_setups


def collect_at(
    connection: sqlite3.Connection,
    series: PlainCandles,
    bars: Sequence[int],
    *,
    side: str = "long",
    taken: int = 2,
    rapid: int = 0,
    provenance: str = "import",
) -> int:
    """Setups at the closes of these bars; returns how many were new."""
    rows = [
        NewSetup(
            ts_ms=int(series.close_ms[bar]),
            symbol=series.symbol,
            timeframe_ms=series.timeframe_ms,
            origin="interval",
            side=side,
            taken=taken,
            signal_id=None,
            price=float(series.close[bar]),
            completeness=0.8,
            flags=0b111,
            rapid=rapid,
            velocity=None,
            spike=None,
            extreme=0,
            sha256="0" * 64,
            md5="0" * 32,
            pack_row=place,
            provenance=provenance,
        )
        for place, bar in enumerate(bars)
    ]
    first = int(series.close_ms[bars[0]])
    pack = PackFile(f"datasets/setups/{first}", f"{series.symbol}{first}", 1, len(rows), "test")
    until = int(series.close_ms[bars[-1]])
    with transaction(connection):
        return add_setups(
            connection, pack, rows, symbol=series.symbol, timeframe_ms=series.timeframe_ms, until_ms=until
        )


def states(places: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """A state of two numbers for each place, a function of the place alone."""
    at = np.array(places, dtype=np.float64).reshape(len(places), 2)
    return np.column_stack([np.sin(at[:, 0] * 31 + at[:, 1] * 7), np.cos(at[:, 1] * 13)]).astype(np.float32)


def without(series: PlainCandles, *bars: int) -> PlainCandles:
    """The series with some bars missing."""
    kept = np.setdiff1d(np.arange(len(series.close_ms)), bars)
    names = ("close_ms", "open", "high", "low", "close", "volume")
    values = {name: getattr(series, name)[kept] for name in names}
    return PlainCandles(series.symbol, series.timeframe_ms, **values)
