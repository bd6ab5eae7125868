"""Labels of closes that came before their minutes had passed: filled in by the run, as its bars come."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from cointrader.core.paper.ledger import Closed
from cointrader.trading.close_record import LABEL_MINUTES, MINUTE_MS, keep_known_labels
from storage.candles import Candles
from storage.closes import closed_position, unlabelled_closes


class PendingLabels:
    """The closes of a run that still get a label, by position."""

    def __init__(self, connection: sqlite3.Connection, run_id: int) -> None:
        self._connection = connection
        self._due_ms = {
            position: opened_ms + LABEL_MINUTES[-1] * MINUTE_MS
            for position, opened_ms in unlabelled_closes(connection, run_id)
        }

    def closed(self, connection: sqlite3.Connection, closed: Closed) -> None:
        """Remember a close whose last label is still to come."""
        due_ms = int(closed.trade["entry_ms"][0]) + LABEL_MINUTES[-1] * MINUTE_MS
        if int(closed.series.close_ms[-1]) < due_ms:
            self._due_ms[closed.position_id] = due_ms

    def settle(self, now_ms: int, series: Callable[[str], Candles]) -> None:
        """Write what is known by now; call it in the transaction of the moment."""
        due = [position for position, due_ms in self._due_ms.items() if due_ms <= now_ms]
        for position in due:
            close = closed_position(self._connection, position)
            keep_known_labels(self._connection, close, series(close.symbol))
            del self._due_ms[position]
