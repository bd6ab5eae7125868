"""Candles as columns: one Parquet file a symbol and timeframe, trusted by its SHA-256 in the database.

This is the one part of storage that knows arrays. Series are read whole and often (a backtest, a
dataset), never a page at a time, so they live beside the database and not in it.
"""

from storage.candles.parquet import column_array, read_candles, read_series, write_candles
from storage.candles.pieces import PIECE_BARS, SeriesWriter, read_pieces
from storage.candles.records import (
    CandleFileRow,
    candle_record,
    list_candles,
    save_candle_record,
    save_instrument,
)
from storage.candles.series import Candles, CandlesDamaged, CandlesMissing
from storage.candles.timeframe import parse_timeframe, timeframe_text
from storage.quarantine import QuarantineRow, quarantine

__all__ = [
    "PIECE_BARS",
    "CandleFileRow",
    "Candles",
    "CandlesDamaged",
    "CandlesMissing",
    "QuarantineRow",
    "SeriesWriter",
    "candle_record",
    "column_array",
    "list_candles",
    "parse_timeframe",
    "quarantine",
    "read_candles",
    "read_pieces",
    "read_series",
    "save_candle_record",
    "save_instrument",
    "timeframe_text",
    "write_candles",
]
