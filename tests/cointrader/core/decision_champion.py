"""A deciding version of `decision` whose weights the test chose."""

from __future__ import annotations

import math
import sqlite3

import numpy as np

from models.decision.features import FEATURE_NAMES
from models.decision.logistic import Logistic
from models.decision.model import Decision, OutOfFold
from models.decision.params import DecisionParams
from storage.artifact_rows import ArtifactRow
from storage.database import transaction
from storage.vault import store_artifact
from storage.workspace import Workspace
from tests.storage.rows import add


def log_odds(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


def decision(chance: float = 0.5, **weights: float) -> Decision:
    """Says `chance` of every signal, moved by a weight a named feature."""
    width = len(FEATURE_NAMES)
    row = np.array([weights.get(name, 0.0) for name in FEATURE_NAMES])
    nothing = OutOfFold(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    logistic = Logistic(np.zeros(width), np.ones(width), row, log_odds(chance))
    return Decision(DecisionParams(), 1.0, logistic, nothing)


def crown(
    workspace: Workspace,
    connection: sqlite3.Connection,
    model: Decision,
    *,
    learned_until_ms: int = 0,
    provenance: str = "backtest",
) -> ArtifactRow:
    """Stores the model as the version that decides."""
    with transaction(connection):
        session = add(
            connection, "session", agent="decision", state="succeeded", seed=0, params_json="{}", threads=1,
            device="cpu", capability="", started_ms=0, rev=1,
        )  # fmt: skip
        row = store_artifact(
            workspace, connection, agent="decision", session_id=session, files=model.save(),
            manifest={"learned_until_ms": learned_until_ms}, metric="roc_auc", value=0.6, baseline=0.5,
            metrics={}, provenance=provenance,
        )  # fmt: skip
        connection.execute("UPDATE artifact SET status = 'retired' WHERE agent = 'decision'")
        connection.execute("UPDATE artifact SET status = 'champion' WHERE id = ?", (row.id,))
    return row
