"""The rows of the vault: which versions there are, and which one is the champion."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields

from storage.errors import ArtifactMissing


@dataclass(frozen=True)
class ArtifactRow:
    """One row of `artifact`; `value` and `baseline` are of the primary metric, higher is better."""

    id: int
    agent: str
    version: int
    session_id: int
    path: str
    sha256: str
    size: int
    status: str
    metric: str
    value: float | None
    baseline: float | None
    metrics_json: str
    reason: str
    provenance: str
    created_ms: int
    rev: int


_COLUMNS = ", ".join(field.name for field in fields(ArtifactRow))


def find_artifact(
    connection: sqlite3.Connection, agent: str, version: int | None = None
) -> ArtifactRow | None:
    """The row of a version of an agent, or of its champion when none is named."""
    where, parameters = (
        ("status = 'champion'", (agent,)) if version is None else ("version = ?", (agent, version))
    )
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM artifact WHERE agent = ? AND {where}", parameters
    ).fetchall()
    return ArtifactRow(*rows[0]) if rows else None


def get_artifact(connection: sqlite3.Connection, artifact_id: int) -> ArtifactRow:
    """The row of an artefact. Raises ArtifactMissing when there is none of this id."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM artifact WHERE id = ?", (artifact_id,)).fetchall()
    if not rows:
        raise ArtifactMissing(f"there is no artefact {artifact_id}")
    return ArtifactRow(*rows[0])
