"""Labels of closes whose minutes had not passed when they were closed, filled in once the bars are there."""

from __future__ import annotations

import sqlite3

from cointrader.trading.close_record import LABEL_MINUTES, MINUTE_MS, keep_known_labels
from cointrader.training.close_training.entries import EntryBars
from storage.closes import positions_without_labels, symbols_without_labels
from storage.database import transaction


def settle_labels(connection: sqlite3.Connection, bars: EntryBars) -> int:
    """Fill in what can be known by now; returns how many positions got their last label."""
    settled = 0
    for symbol in symbols_without_labels(connection):
        series = bars.series(symbol)
        if series is None or not len(series):
            continue
        opened_until_ms = int(series.close_ms[-1]) - LABEL_MINUTES[-1] * MINUTE_MS
        closes = positions_without_labels(connection, symbol, opened_until_ms)
        if closes:
            with transaction(connection):
                for close in closes:
                    keep_known_labels(connection, close, series)
        settled += len(closes)
    return settled
