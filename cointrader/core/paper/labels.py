"""Labels of closes that came before their minutes had passed: filled in by the run, as its bars come."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from cointrader.core.paper.ledger import Closed
from cointrader.trading.close_record import LABEL_MINUTES, MINUTE_MS, keep_known_labels
from storage.candles import Candles
from storage.closes import closed_position, unlabelled_closes


class PendingLabels:
    """The closes of a run that still get a label: when each position was opened."""

    def __init__(self, connection: sqlite3.Connection, run_id: int) -> None:
        self._connection = connection
        self._opened_ms = dict(unlabelled_closes(connection, run_id))
        self._looked_ms = 0

    def closed(self, connection: sqlite3.Connection, closed: Closed) -> None:
        """Remember a close whose last label is still to come."""
        opened_ms = int(closed.trade["entry_ms"][0])
        if int(closed.series.close_ms[-1]) < _due(opened_ms)[-1]:
            self._opened_ms[closed.position_id] = opened_ms

    def settle(self, now_ms: int, series: Callable[[str], Candles]) -> None:
        """Write what has come to be known; call it in the transaction of the moment."""
        for position, opened_ms in list(self._opened_ms.items()):
            due = _due(opened_ms)
            if any(self._looked_ms < moment <= now_ms for moment in due):
                close = closed_position(self._connection, position)
                keep_known_labels(self._connection, close, series(close.symbol))
            if due[-1] <= now_ms:
                del self._opened_ms[position]
        self._looked_ms = now_ms


def _due(opened_ms: int) -> list[int]:
    return [opened_ms + minutes * MINUTE_MS for minutes in LABEL_MINUTES]
