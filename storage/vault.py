"""The vault of trained models: files without code in them, hashed, versioned, one champion an agent.

A pickle, a zip or a `.pth` runs code when it is opened, so none is let in: the vault holds text, JSON,
safetensors and `.npy` arrays without objects. The digest of every file stands in the manifest, the
digest of the manifest in the database, and nothing is parsed before both have been checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.artifact_rows import ArtifactRow, find_artifact, get_artifact
from storage.clock import now_ms
from storage.database import joined_transaction
from storage.durable_file import disk_error, sync_folder, write_file_atomically
from storage.errors import ArtifactDamaged, ArtifactMissing, StorageError
from storage.insert import insert_row
from storage.promotion import promote_if_better
from storage.revision import next_rev
from storage.safe_format import check_no_code
from storage.workspace import Workspace

__all__ = [
    "ArtifactRow",
    "LoadedArtifact",
    "find_artifact",
    "get_artifact",
    "load_artifact",
    "promote_if_better",
    "store_artifact",
    "write_file_atomically",
]

MANIFEST = "manifest.json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class LoadedArtifact:
    """An artefact whose every byte has the recorded digest."""

    row: ArtifactRow
    manifest: dict[str, Any]
    files: dict[str, bytes]


def store_artifact(
    workspace: Workspace,
    connection: sqlite3.Connection,
    *,
    agent: str,
    session_id: int,
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    metric: str,
    value: float | None,
    baseline: float | None,
    metrics: Mapping[str, Any],
    provenance: str,
) -> ArtifactRow:
    """Keeps a trained model as the next version of its agent, in status candidate.

    `manifest` must be JSON and says what the reader of the files needs (parameters, features, order of
    labels, version of the code); agent, version, provenance and the digests are added here. The
    files lie in `artifacts/<agent>/v<version>` before the row is committed. Raises StorageError for a
    name or a format that may not be kept, DiskFull when there is no room.
    """
    _check_name(agent)
    for name, content in files.items():
        _check_name(name)
        check_no_code(name, content)
    if not files or MANIFEST in files:
        raise StorageError(f"{agent}: an artefact needs files, and writes {MANIFEST} itself")
    parent = workspace.artifacts / agent
    staging = parent / f".incoming-{uuid.uuid4().hex}"
    try:
        staging.mkdir(parents=True)
        digests = {name: write_file_atomically(staging / name, content) for name, content in files.items()}
        with joined_transaction(connection):
            version = _next_version(connection, agent, parent)
            document = dict(manifest) | {
                "agent": agent,
                "version": version,
                "session_id": session_id,
                "provenance": provenance,
                "metric": metric,
                "value": value,
                "baseline": baseline,
                "created_ms": now_ms(),
                "files": {name: {"sha256": digests[name], "size": len(files[name])} for name in files},
            }
            manifest_bytes = _json(document, agent).encode("utf-8")
            manifest_sha256 = write_file_atomically(staging / MANIFEST, manifest_bytes)
            folder = parent / f"v{version:04d}"
            os.rename(staging, folder)
            sync_folder(parent)
            row: dict[str, object] = {
                "agent": agent,
                "version": version,
                "session_id": session_id,
                "path": folder.relative_to(workspace.root).as_posix(),
                "sha256": manifest_sha256,
                "size": len(manifest_bytes) + sum(map(len, files.values())),
                "status": "candidate",
                "metric": metric,
                "value": value,
                "baseline": baseline,
                "metrics_json": _json(metrics, agent),
                "reason": "not yet compared",
                "provenance": provenance,
                "created_ms": document["created_ms"],
                "rev": next_rev(connection),
            }
            artifact_id = insert_row(connection, "artifact", tuple(row), tuple(row.values()))
            return get_artifact(connection, artifact_id)
    except OSError as error:
        raise disk_error(error, parent) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load_artifact(
    workspace: Workspace, connection: sqlite3.Connection, agent: str, version: int | None = None
) -> LoadedArtifact:
    """A version of an agent, or its champion when none is named, with every digest checked.

    Raises ArtifactMissing when there is none, ArtifactDamaged when a byte differs from what was stored.
    """
    row = find_artifact(connection, agent, version)
    if row is None:
        wanted = "no champion" if version is None else f"no version {version}"
        raise ArtifactMissing(f"{agent} has {wanted}; train it first (cointrader train {agent})")
    folder = workspace.root / row.path
    manifest_bytes = _read_checked(folder / MANIFEST, row.sha256)
    manifest: dict[str, Any] = json.loads(manifest_bytes)
    files: dict[str, bytes] = {}
    for name, listed in manifest["files"].items():
        _check_name(name)
        files[name] = _read_checked(folder / name, listed["sha256"])
    return LoadedArtifact(row, manifest, files)


def _next_version(connection: sqlite3.Connection, agent: str, parent: Path) -> int:
    """One above every version that has a row or a folder.

    A folder without a row is left by a crash, or known only to a newer copy of the database: it is
    never written over.
    """
    newest = connection.execute(
        "SELECT coalesce(max(version), 0) FROM artifact WHERE agent = ?", (agent,)
    ).fetchone()[0]
    folders = [int(path.name[1:]) for path in parent.glob("v*") if path.name[1:].isdecimal()]
    return int(max([newest, *folders])) + 1


def _read_checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactDamaged(f"{path}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactDamaged(f"{path}: the file was changed: its SHA-256 is not the recorded one.")
    return content


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise StorageError(f"{name!r} is no name of a file or an agent in the vault")


def _json(document: Mapping[str, Any], agent: str) -> str:
    try:
        return json.dumps(dict(document), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StorageError(f"{agent}: the manifest or the metrics are not JSON: {error}") from error
