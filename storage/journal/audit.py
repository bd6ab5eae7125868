"""The audit: every file that the database vouches for is read, and what differs is named.

Nothing is parsed that does not have its recorded SHA-256. In a damaged shard the step is found all the same:
where each gradient must lie follows from the layout, and each has a digest of its own.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from storage.journal.errors import JournalError
from storage.journal.layout import Layout
from storage.journal.shard import GradientPlaces
from storage.journal.tensor_file import PACKED
from storage.vault import MANIFEST
from storage.workspace import Workspace

CHANGED = "was changed: its SHA-256 is not the recorded one"
DATASET_RECORD = "dataset.json"

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Damage:
    """A file that is not what was recorded.

    `file` is its base name, `path` is relative to the workspace; `subject` names what it belongs to;
    `session` and `step` are None where it belongs to none.
    """

    kind: str
    subject: str
    session: int | None
    step: int | None
    file: str
    path: str
    what: str


@dataclass(frozen=True)
class _Recorded:
    """A file and the digest that was recorded of it."""

    kind: str
    subject: str
    session: int | None
    step: int | None
    path: str
    sha256: str
    file_id: int | None = None
    bytes: int | None = None
    last_step: int | None = None


_FILES = (
    "SELECT kind, '', session_id, first_step, path, sha256, id, bytes, last_step FROM journal_file "
    "WHERE state = 'kept' ORDER BY session_id, first_step, id",
    "SELECT 'checkpoint', '', session_id, step, path, sha256 FROM checkpoint ORDER BY id",
    "SELECT 'setup pack', 'setup pack ' || id, NULL, NULL, path, sha256 FROM setup_pack ORDER BY id",
    "SELECT 'candles', 'candles of ' || symbol, NULL, NULL, path, sha256 FROM candle_file ORDER BY id",
)
_FOLDERS = (
    "SELECT 'artefact', agent || ' v' || version, session_id, NULL, path || '/" + MANIFEST + "', sha256 "
    "FROM artifact ORDER BY id",
    "SELECT 'dataset', agent || ' dataset ' || id, NULL, NULL, path || '/" + DATASET_RECORD + "', sha256 "
    "FROM dataset ORDER BY id",
)

_STILL_KEPT = {
    **dict.fromkeys(("shard", "snapshot"), "SELECT 1 FROM journal_file WHERE path = ? AND state = 'kept'"),
    "checkpoint": "SELECT 1 FROM checkpoint WHERE path = ?",
    "setup pack": "SELECT 1 FROM setup_pack WHERE path = ?",
    "candles": "SELECT 1 FROM candle_file WHERE path = ?",
}


def audit(
    connection: sqlite3.Connection,
    workspace: Workspace,
    progress: Progress = lambda done, total, read: None,
) -> list[Damage]:
    """Everything that is damaged: journals, checkpoints, artefacts, setup packs, datasets, candles.

    `progress` is told (files done, files known so far, bytes read). Files that were given up for room are
    not looked for.
    """
    listed = [_Recorded(*row) for query in _FILES for row in connection.execute(query).fetchall()]
    folders = [_Recorded(*row) for query in _FOLDERS for row in connection.execute(query).fetchall()]
    total, done, read = len(listed) + len(folders), 0, 0
    damages: list[Damage] = []
    waiting = [*reversed(folders), *reversed(listed)]
    while waiting:
        recorded = waiting.pop()
        damage, size = _examine(connection, workspace, recorded)
        if damage is None and recorded.path.endswith((f"/{MANIFEST}", f"/{DATASET_RECORD}")):
            members = list(_members(workspace, recorded))
            waiting += reversed(members)
            total += len(members)
        if damage is not None:
            damages.append(damage)
        done, read = done + 1, read + size
        progress(done, total, read)
    return damages


def _examine(
    connection: sqlite3.Connection, workspace: Workspace, recorded: _Recorded
) -> tuple[Damage | None, int]:
    """What is wrong with one file, and how many bytes were read."""
    path = workspace.root / recorded.path
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        if _given_up(connection, recorded):
            return None, 0
        return _damage(recorded, f"cannot be read: {error.strerror}"), 0
    if digest == recorded.sha256:
        return None, size
    if recorded.bytes is not None and size != recorded.bytes:
        return _damage(recorded, f"has {size:,} bytes, and had {recorded.bytes:,}"), size
    if recorded.kind == "shard":
        return _shard_damage(connection, path, recorded), size
    return _damage(recorded, CHANGED), size


def _shard_damage(connection: sqlite3.Connection, path: Path, recorded: _Recorded) -> Damage:
    """The damage of a shard of the right length, with the first step whose gradient is another."""
    step = None if path.name.endswith(PACKED) else _changed_step(connection, path, recorded)
    if step is None:
        return _damage(recorded, f"{CHANGED}; it holds steps {recorded.step:,} to {recorded.last_step:,}")
    return _damage(recorded, f"{CHANGED}; the gradient of step {step:,} is another", step)


def _changed_step(connection: sqlite3.Connection, path: Path, recorded: _Recorded) -> int | None:
    """The first step of a shard whose bytes do not have their digest; None where gradients are well."""
    layouts = connection.execute(
        "SELECT layout_json FROM journal WHERE session_id = ?", (recorded.session,)
    ).fetchall()
    rows = connection.execute(
        "SELECT step, file_row, gradient_sha256 FROM step "
        "WHERE session_id = ? AND step BETWEEN ? AND ? AND file_id = ? ORDER BY step",
        (recorded.session, recorded.step, recorded.last_step, recorded.file_id),
    ).fetchall()
    try:
        count = int(recorded.last_step or 0) - int(recorded.step or 0) + 1
        places = GradientPlaces(Layout.from_json(layouts[0][0]), count)
    except (JournalError, IndexError):
        return None
    content = memoryview(path.read_bytes())
    if len(content) != places.total:
        return None
    for step, row, sha256 in rows:
        gradient, absent = places.of(row)
        digest = hashlib.sha256(content[gradient])
        digest.update(content[absent])
        if digest.hexdigest() != sha256:
            return int(step)
    return None


def _members(workspace: Workspace, recorded: _Recorded) -> Iterator[_Recorded]:
    """The files of a folder, as its record (whose digest was checked) lists them."""
    record = json.loads((workspace.root / recorded.path).read_bytes())
    folder = PurePosixPath(recorded.path).parent
    for name, entry in record["files"].items():
        sha256 = entry["sha256"] if isinstance(entry, dict) else entry
        yield _Recorded(
            recorded.kind, recorded.subject, recorded.session, recorded.step, str(folder / name), sha256
        )


def _given_up(connection: sqlite3.Connection, recorded: _Recorded) -> bool:
    """Whether a file went rightly while we read others: given up, replaced, put together, or grown older."""
    query = _STILL_KEPT.get(recorded.kind)
    return query is not None and not connection.execute(query, (recorded.path,)).fetchall()


def _damage(recorded: _Recorded, what: str, step: int | None = None) -> Damage:
    return Damage(
        kind=recorded.kind,
        subject=recorded.subject or f"session {recorded.session}",
        session=recorded.session,
        step=recorded.step if step is None else step,
        file=PurePosixPath(recorded.path).name,
        path=recorded.path,
        what=what,
    )
