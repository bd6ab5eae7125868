"""The core's memory of signals, rejections and profit: it reads back the latest, and forgets nothing.

    context = RecentContext()
    context.store_signal({"signal_id": "s1", "strategy": "momentum", "params": {}, "timestamp": 1.7e9})

Everything is kept in the workspace, for every process and after the end of this one. `max_history` bounds
what one call reads back. `clear_context` begins anew: what was told before is no longer read, but stays.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from cointrader.core.agent_logger import CoreAgentLogger
from cointrader.core.memory.record_text import clean_text, read_record, write_record
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from storage.clock import now_ms
from storage.context_records import (
    ContextRecord,
    Kind,
    add_context_record,
    find_told,
    newest_context_id,
    newest_context_records,
)
from storage.core_events import newest_core_events
from storage.database import open_database, transaction
from storage.workspace import Workspace, resolve_workspace

CLEARED = "clear_context"


class RecentContext:
    """What the core was told, the latest `max_history` of each kind, in the order it was told."""

    def __init__(
        self,
        max_history: int = 100,
        *,
        workspace: Workspace | None = None,
        connection: sqlite3.Connection | None = None,
    ) -> None:
        """Raises ValueError for a `max_history` that is no positive whole number."""
        if isinstance(max_history, bool) or not isinstance(max_history, int) or max_history < 1:
            raise ValueError(f"max_history must be a whole number from 1 on, got {max_history!r}")
        self.max_history = max_history
        self.workspace = workspace or resolve_workspace()
        self.connection = connection or open_database(self.workspace)
        self._log = CoreAgentLogger(workspace=self.workspace, connection=self.connection)

    def store_signal(self, signal: Mapping[str, Any]) -> None:
        """Keeps a signal as it is, whole or not; one that was decided already is kept once.

        Raises TypeError for what is no mapping: it has no names to keep it by.
        """
        told = _mapping("signal", signal)
        key, text = _text_of(told.get("signal_id")), write_record(told)
        if find_told(self.connection, key, text, decided=True) is not None:
            return
        record = ContextRecord("signal", key, _moment(told), text, _text_of(told.get("strategy")))
        self._keep(record, {"signal_id": key, "strategy": record.strategy})

    def store_rejection(self, signal_id: str, reason: str) -> None:
        """Keeps why a signal was rejected."""
        key, told = _text_of(signal_id), _text_of(reason)
        record = ContextRecord("rejection", key, now_ms(), write_record({"text": told}), reason=told)
        self._keep(record, {"signal_id": key, "reason": told})

    def store_pnl_snapshot(self, snapshot: Mapping[str, Any]) -> None:
        """Keeps a snapshot of profit and loss; its `signal_id` says which signal it belongs to.

        Raises TypeError for what is no mapping.
        """
        told = _mapping("snapshot", snapshot)
        key = _text_of(told.get("signal_id"))
        strategy = _text_of(told.get("strategy"))
        self._keep(ContextRecord("pnl", key, _moment(told), write_record(told), strategy), {"signal_id": key})

    def get_recent_signals(self) -> list[dict[str, Any]]:
        """The latest signals, oldest first, as they were told."""
        return [read_record(record.data_json) for record in self._newest("signal")]

    def get_recent_rejections(self) -> list[dict[str, str]]:
        """The latest rejections, oldest first, as {signal_id, reason}."""
        return [
            {"signal_id": record.signal_key, "reason": record.reason} for record in self._newest("rejection")
        ]

    def get_recent_pnl(self) -> list[dict[str, Any]]:
        """The latest snapshots of profit and loss, oldest first, as they were told."""
        return [read_record(record.data_json) for record in self._newest("pnl")]

    def clear_context(self) -> None:
        """From now on only what is told later is read back; nothing is deleted."""
        self._log.log_action(CLEARED, {"after_id": newest_context_id(self.connection)})

    def close(self) -> None:
        """Closes the database."""
        self.connection.close()

    def _newest(self, kind: Kind) -> list[ContextRecord]:
        return newest_context_records(self.connection, kind, self.max_history, after_id=self._cleared_after())

    def _cleared_after(self) -> int:
        found = newest_core_events(self.connection, action=CLEARED, limit=1)
        return int(json.loads(found[0].data_json).get("after_id", 0)) if found else 0

    def _keep(self, record: ContextRecord, told: dict[str, object]) -> None:
        with transaction(self.connection):
            add_context_record(self.connection, record)
            event = self._log.add_row(f"store_{record.kind}", told)
        self._log.write_files([event])


def _mapping(what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a {what} must be a mapping with a signal_id, got {type(value).__name__}")
    return value


def _text_of(value: object) -> str:
    return "" if value is None else clean_text(str(value))


def _moment(told: Mapping[str, Any]) -> int:
    """When it happened, by its own timestamp where that is a time, else now."""
    try:
        return to_ms(told.get("timestamp"))
    except TimeRefused:
        return now_ms()
