"""The version that the next lessons go on from.

Lessons add up: each session goes on from what the last one left, promoted or not, as long as the champion is
still the version that they began with. When another one decides (trained anew, or put back by the operator),
lessons begin with that.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np

from cointrader.training.incumbent import NEVER
from models import registry
from models.backprop.snapshots import weights_of
from models.lessons.rows import ROOT_VERSION, Beginning
from storage.artifact_rows import ArtifactRow, find_artifact
from storage.errors import StorageError
from storage.outbox import closes_learned_from, newest_taught_version
from storage.sessions import get_session
from storage.vault import load_artifact
from storage.workspace import Workspace

DATASET = "dataset.json"


class NoChampion(StorageError):
    """No version of the agent decides, so there is none to teach."""


@dataclass(frozen=True)
class Known:
    """A version that is going to be taught: its model, its weights, and how weak what it learned from is."""

    model: Any
    beginning: Beginning
    provenance: str


def version_to_teach(workspace: Workspace, connection: sqlite3.Connection, agent: str) -> Known:
    """The version that lessons begin with. Raises NoChampion, ArtifactDamaged and ArtifactRefused."""
    champion = find_artifact(connection, agent)
    if champion is None:
        raise NoChampion(f"no version of {agent} decides; train it first (cointrader train {agent})")
    root = root_of(workspace, connection, champion)
    version = champion.version
    taught = newest_taught_version(connection, agent)
    if taught is not None and taught[0] > version:
        newest = find_artifact(connection, agent, taught[0])
        if newest is not None and root_of(workspace, connection, newest) == root:
            version = taught[0]
    stored = load_artifact(workspace, connection, agent, version)
    model: Any = registry.load(agent).load(stored.files)
    weights = weights_of(model.network)
    if hasattr(model, "scale"):
        weights |= {"scale.mean": model.scale.mean, "scale.deviation": model.scale.deviation}
    seen = np.array(closes_learned_from(connection, agent), np.int64).reshape(-1, 2)
    until = int(stored.manifest.get("learned_until_ms", stored.manifest.get("dataset_until_ms", NEVER)))
    return Known(model, Beginning(version, root, weights, until, seen), stored.row.provenance)


def root_of(workspace: Workspace, connection: sqlite3.Connection, artifact: ArtifactRow) -> int:
    """The version that this one came from by lessons alone; itself where it was not taught by closes."""
    dataset_id = get_session(connection, artifact.session_id).dataset_id
    rows = connection.execute("SELECT path FROM dataset WHERE id = ?", (dataset_id,)).fetchall()
    try:
        record = json.loads((workspace.root / rows[0][0] / DATASET).read_text(encoding="utf-8"))
    except (IndexError, OSError, ValueError):
        # A version without its dataset (imported, or pruned since) was not made by lessons that can go on.
        return artifact.version
    return int(record["constants"].get(ROOT_VERSION, artifact.version))
