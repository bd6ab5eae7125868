"""The audit: what happened, in words for the operator. Rows are only ever added."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Literal

from storage.clock import now_ms
from storage.insert import insert_row

Severity = Literal["info", "warning", "error"]

_COLUMNS = ("ts_ms", "kind", "severity", "subject", "text", "data_json")


def record_event(
    connection: sqlite3.Connection,
    kind: str,
    text: str,
    *,
    severity: Severity = "info",
    subject: str = "",
    data: Mapping[str, object] | None = None,
) -> int:
    """Adds an event inside the caller's transaction, so that it stands or falls with what it tells of.

    `kind` is a short word to filter by ("import", "promotion"), `subject` what it is about
    ("BTC/USDT", "cnn v3"), `data` must be JSON.
    """
    data_json = json.dumps(dict(data or {}), ensure_ascii=False, sort_keys=True)
    return insert_row(connection, "event", _COLUMNS, (now_ms(), kind, severity, subject, text, data_json))
