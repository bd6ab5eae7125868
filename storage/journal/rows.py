"""The row of a journal: how the steps of a session are kept, and what has to be known to use them."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from storage.database import joined_transaction
from storage.events import record_event
from storage.insert import insert_row
from storage.journal.errors import JournalError
from storage.journal.layout import Layout
from storage.revision import next_rev
from storage.sessions import check_attempt


class Optimiser(Protocol):
    """What the steps of an optimiser depend on to the bit, and where it runs."""

    @property
    def name(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def torch_version(self) -> str: ...
    @property
    def capability(self) -> str: ...
    @property
    def onednn_isa(self) -> str: ...
    @property
    def threads(self) -> int: ...


@dataclass(frozen=True)
class Opened:
    """Where a journal stands when an attempt begins; `mode` is the session's, which was chosen once.

    `loss` is that of the step after which the attempt goes on; `whole` says that everything up to that step
    can be rebuilt.
    """

    mode: str
    loss: float | None
    whole: bool


def open_journal(
    connection: sqlite3.Connection,
    session_id: int,
    attempt: int,
    *,
    mode: str,
    layout: Layout,
    optimiser: Optimiser,
    budget_bytes: int,
    start_step: int,
) -> Opened:
    """Makes the journal's row, or goes on with it after `start_step`.

    Raises StaleAttempt, or JournalError when the network is another one than before.
    """
    row: dict[str, object] = {
        "session_id": session_id,
        "mode": mode,
        "state": "writing",
        "layout_json": layout.to_json(),
        "optimiser": optimiser.name,
        "optimiser_json": json.dumps(dict(optimiser.settings), sort_keys=True),
        "torch_version": optimiser.torch_version,
        "capability": optimiser.capability,
        "onednn_isa": optimiser.onednn_isa,
        "threads": optimiser.threads,
        "parameters": layout.gradient_size,
        "budget_bytes": budget_bytes,
    }
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        row["rev"] = next_rev(connection)
        cursor = connection.execute("SELECT * FROM journal WHERE session_id = ?", (session_id,))
        names = [column[0] for column in cursor.description]
        found = cursor.fetchall()
        if not found:
            insert_row(connection, "journal", tuple(row), tuple(row.values()))
            return Opened(mode, None, whole=False)
        before = dict(zip(names, found[0], strict=True))
        if before["layout_json"] != row["layout_json"]:
            raise JournalError(
                f"session {session_id}: its journal was begun with another network; train it anew"
            )
        note = _other_machine(before, row, attempt)
        connection.execute(
            "UPDATE journal SET state = 'writing', budget_bytes = ?, note = ?, rev = ? WHERE session_id = ?",
            (budget_bytes, joined_note(before["note"], note), row["rev"], session_id),
        )
        loss = connection.execute(
            "SELECT loss FROM step WHERE session_id = ? AND step = ?", (session_id, start_step)
        ).fetchall()
        whole = can_rebuild(connection, session_id, start_step)
        return Opened(str(before["mode"]), loss[0][0] if loss else None, whole)


def can_rebuild(connection: sqlite3.Connection, session_id: int, step: int) -> bool:
    """Whether a snapshot and the gradient of every step since are kept, as far as rows tell."""
    first = snapshot_step(connection, session_id, step)
    if first is None:
        return False
    count = connection.execute(
        "SELECT count(*) FROM step JOIN journal_file AS file ON file.id = step.file_id "
        "WHERE step.session_id = ? AND step.step > ? AND step.step <= ? AND file.state = 'kept'",
        (session_id, first, step),
    ).fetchone()[0]
    return int(count) == step - first


def snapshot_step(connection: sqlite3.Connection, session_id: int, step: int) -> int | None:
    """The step of the newest snapshot at or before `step`."""
    found = connection.execute(
        "SELECT max(first_step) FROM journal_file "
        "WHERE session_id = ? AND kind = 'snapshot' AND first_step <= ? AND state = 'kept'",
        (session_id, step),
    ).fetchone()[0]
    return None if found is None else int(found)


def close_journal(connection: sqlite3.Connection, session_id: int, attempt: int) -> None:
    """Says that everything the attempt had to keep is kept. Raises StaleAttempt."""
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        connection.execute(
            "UPDATE journal SET state = 'whole', rev = ? WHERE session_id = ?",
            (next_rev(connection), session_id),
        )


def go_digest(connection: sqlite3.Connection, session_id: int, attempt: int, step: int, why: str) -> None:
    """From `step` on only digests are kept; said in the journal's note and as an event."""
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        connection.execute(
            "UPDATE journal SET mode = 'digest', digest_from_step = ?, rev = ? WHERE session_id = ?",
            (step, next_rev(connection), session_id),
        )
        say_of_journal(connection, session_id, why)


def rate_session(
    connection: sqlite3.Connection, session_id: int, attempt: int, improvement: float | None
) -> float:
    """Keeps and returns the training value of a session: mean step value x improvement, not below 0.

    `improvement` is what the session gained over the incumbent on rows neither had seen; None where that is
    not known. Sessions of the lowest value lose their gradients first. Raises StaleAttempt.
    """
    gained = 0.0 if improvement is None or not math.isfinite(improvement) else max(0.0, improvement)
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        mean = connection.execute(
            "SELECT avg(value) FROM step WHERE session_id = ?", (session_id,)
        ).fetchone()[0]
        value = float(mean or 0.0) * gained
        connection.execute(
            "UPDATE journal SET training_value = ?, rev = ? WHERE session_id = ?",
            (value, next_rev(connection), session_id),
        )
    return value


def say_of_journal(
    connection: sqlite3.Connection, session_id: int, text: str, *, warning: bool = False
) -> None:
    """Adds a sentence to the journal's note and an event, inside the caller's transaction."""
    note = connection.execute("SELECT note FROM journal WHERE session_id = ?", (session_id,)).fetchone()[0]
    connection.execute(
        "UPDATE journal SET note = ? WHERE session_id = ?", (joined_note(note, text), session_id)
    )
    record_event(
        connection,
        "journal",
        f"session {session_id}: {text}",
        severity="warning" if warning else "info",
        subject=f"session {session_id}",
    )


def joined_note(before: str, text: str) -> str:
    """A note with one more sentence, each said once."""
    parts = [part for part in before.split("; ") if part]
    return "; ".join([*parts, text] if text and text not in parts else parts)


def _other_machine(before: Mapping[str, Any], now: Mapping[str, object], attempt: int) -> str:
    """What an attempt computes with that the first one had otherwise, in words; empty when nothing."""
    named = {
        "torch_version": "torch",
        "capability": "instruction set",
        "onednn_isa": "oneDNN instruction set",
        "threads": "threads",
        "optimiser": "optimiser",
        "optimiser_json": "settings of the optimiser",
    }
    others = [words for column, words in named.items() if before[column] != now[column]]
    return f"not comparable to the bit: attempt {attempt} had another {', '.join(others)}" if others else ""
