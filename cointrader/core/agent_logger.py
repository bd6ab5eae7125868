"""The core's log: one call makes a row of the database, a line of JSON and a line to read.

    log = CoreAgentLogger("core_agent")
    log.log_action("validate_signal", {"signal_id": "s1", "reason": "Invalid strategy: x"})

`logs/core_agent.jsonl` has one object a line: ts_ms, time, logger, action, severity, signal_id, text, data.
`logs/core_agent.log` has `2026-01-31T12:00:00.000Z WARNING validate_signal s1 Invalid strategy: x`. A file
that has grown to 16 MB becomes `.1`; the rows stay. Secrets are replaced before anything is written.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cointrader.core.memory.record_text import plain_record
from cointrader.core.redaction import redacted, redacted_text
from storage.clock import now_ms
from storage.core_events import CoreEvent, Severity, add_core_events
from storage.database import joined_transaction, open_database
from storage.workspace import Workspace, resolve_workspace

LARGEST = 16 * 1024 * 1024
LONGEST_TEXT = 2_000
"""Characters of any one text of an event; what it was about is kept whole where it was told."""
LONGEST_NAME = 200
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LINE_ENDS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_TOLD = ("text", "reason", "message", "error")

log = logging.getLogger(__name__)


class CoreAgentLogger:
    """Writes the actions of the core. The workspace is the default one unless another is given."""

    def __init__(
        self,
        name: str = "core_agent",
        *,
        workspace: Workspace | None = None,
        connection: sqlite3.Connection | None = None,
    ) -> None:
        """Raises ValueError for a name that is no name of a file."""
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise ValueError(f"{name!r} cannot name a log file: letters, digits, _, - and . only")
        self.name = name
        self.workspace = workspace or resolve_workspace()
        self._connection = connection
        self._lines = self.workspace.logs / f"{name}.jsonl"
        self._text = self.workspace.logs / f"{name}.log"

    def log_action(
        self, action: str, data: Mapping[str, object] | None = None, *, severity: Severity = "info"
    ) -> CoreEvent:
        """Logs one action and returns the event that was kept. `signal_id` in `data` names its signal."""
        event = self.add_row(action, data or {}, severity=severity)
        self.write_files([event])
        return event

    def add_row(self, action: str, data: Mapping[str, object], *, severity: Severity = "info") -> CoreEvent:
        """Only the row, in the caller's transaction where there is one; `write_files` is for afterwards."""
        event = make_event(action, data, severity=severity)
        if self._connection is None:
            self._connection = open_database(self.workspace)
        with joined_transaction(self._connection):
            add_core_events(self._connection, [event])
        return event

    def write_files(self, events: Sequence[CoreEvent]) -> None:
        """Appends events, whose rows are kept already, to both files.

        A disk that refuses the files is told to Python's own log: the rows are there, and a decision that
        stands must not fail for its log.
        """
        try:
            _add_lines(self._lines, "".join(json_line(self.name, event) for event in events))
            _add_lines(self._text, "".join(readable_line(event) for event in events))
        except OSError as error:
            log.error("%s: the log of the core could not be written: %s", self.workspace.logs, error)


def make_event(
    action: str, data: Mapping[str, object], *, severity: Severity = "info", ts_ms: int | None = None
) -> CoreEvent:
    """The event of an action, its secrets replaced."""
    told = data if isinstance(data, Mapping) else {"text": data}
    clean = cut(redacted(plain_record(told)))
    assert isinstance(clean, dict)
    return CoreEvent(
        ts_ms=now_ms() if ts_ms is None else ts_ms,
        action=_one_line(redacted_text(str(action)))[:LONGEST_NAME],
        severity=severity,
        signal_key=_one_line(str(clean.get("signal_id") or "")),
        text=_text(clean),
        data_json=json.dumps(clean, ensure_ascii=False, sort_keys=True),
    )


def cut(value: object) -> object:
    """A value of JSON with its texts cut to `LONGEST_TEXT`; call it after the secrets are gone."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, dict):
        return {key[:LONGEST_NAME]: cut(item) for key, item in value.items()}
    return [cut(item) for item in value] if isinstance(value, list) else value


def json_line(name: str, event: CoreEvent) -> str:
    """One line of `logs/*.jsonl`."""
    told = {
        "ts_ms": event.ts_ms,
        "time": _time(event.ts_ms),
        "logger": name,
        "action": event.action,
        "severity": event.severity,
        "signal_id": event.signal_key,
        "text": event.text,
        "data": json.loads(event.data_json),
    }
    return json.dumps(told, ensure_ascii=True) + "\n"


def readable_line(event: CoreEvent) -> str:
    """One line of `logs/*.log`."""
    return (
        f"{_time(event.ts_ms)} {event.severity.upper():<7} {event.action} {event.signal_key or '-'} "
        f"{event.text}\n"
    )


def _text(data: Mapping[str, object]) -> str:
    told = next((data[key] for key in _TOLD if isinstance(data.get(key), str) and data[key]), None)
    parts = (f"{key}={value}" for key, value in data.items() if key != "signal_id")
    return _one_line(str(told) if told is not None else " ".join(parts))[:LONGEST_TEXT]


def _one_line(text: str) -> str:
    return _LINE_ENDS.sub(" ", text).strip()


def _time(ts_ms: int) -> str:
    moment = datetime.fromtimestamp(ts_ms / 1000, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _add_lines(path: Path, text: str) -> None:
    # One write a call in append mode: lines of several processes do not mix.
    with open(path, "ab", buffering=0) as file:
        file.write(text.encode("utf-8"))
        full = file.tell() >= LARGEST
        # Of two processes that see it full, the second must not put the new file in the place of the old one.
        if full and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            path.replace(path.with_name(f"{path.name}.1"))
