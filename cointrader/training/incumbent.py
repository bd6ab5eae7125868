"""The champion on the window of its challenger: two versions are held against each other on the same rows.

A stored value belongs to the window that it was measured on. So the champion is loaded and asked about the
rows that the new session is scored on, those it has not learned from wherever there are enough of them.
"""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass
from typing import Any

from models.base import AgentModule, Dataset, Metrics
from models.errors import ArtifactRefused, FeatureMismatch
from storage.artifact_rows import ArtifactRow
from storage.errors import ArtifactDamaged
from storage.promotion import Comparison
from storage.sessions import SessionRow, get_session
from storage.vault import load_artifact
from storage.workspace import Workspace

LEAST_UNSEEN_SHARE = 0.2
EVER = -(1 << 62)


@dataclass(frozen=True)
class Challenge:
    """A new version before it is stored: its session, its data, and what it reached there."""

    session: SessionRow
    module: AgentModule
    dataset: Dataset
    params: Any
    model: Any
    metrics: Metrics


def compare_with(
    workspace: Workspace, connection: sqlite3.Connection, champion: ArtifactRow, challenge: Challenge
) -> Comparison:
    """Both by the primary metric on the challenger's window; says why where the champion cannot be asked."""
    metrics = challenge.metrics
    if champion.value is not None and champion.metric == metrics.name:
        cut = get_session(connection, champion.session_id).split_id
        if cut is not None and cut == challenge.session.split_id:
            # The same cut of the same rows: what it reached there, unseen, is stored.
            return _comparison(champion, metrics.value, champion.value, "on the same out-of-sample rows")
    try:
        stored = load_artifact(workspace, connection, champion.agent, champion.version)
        _check_words(stored.manifest, challenge)
        incumbent = challenge.module.load(stored.files)
        return _duel(champion, incumbent, stored.manifest, challenge)
    except (ArtifactDamaged, ArtifactRefused, FeatureMismatch) as error:
        return Comparison(champion.id, None, None, str(error))


def in_words(champion: ArtifactRow, comparison: Comparison) -> dict[str, Any]:
    """What the new version keeps of the comparison, as JSON."""
    return {
        "version": champion.version,
        "value": comparison.incumbent,
        "candidate_value": comparison.value,
        "words": comparison.words,
    }


def _duel(
    champion: ArtifactRow, incumbent: Any, manifest: dict[str, Any], challenge: Challenge
) -> Comparison:
    learned_until_ms = int(manifest.get("learned_until_ms", manifest["dataset_until_ms"]))
    compare, model, dataset = challenge.module.compare, challenge.model, challenge.dataset
    unseen = compare(model, incumbent, dataset, learned_until_ms)
    enough = unseen.rows >= LEAST_UNSEEN_SHARE * unseen.scored
    if enough and math.isfinite(unseen.value) and math.isfinite(unseen.incumbent):
        words = f"on the same {unseen.rows:,} out-of-sample rows"
        return _comparison(champion, unseen.value, unseen.incumbent, words)
    every = compare(model, incumbent, dataset, EVER)
    words = f"on the same {every.rows:,} rows"
    seen = every.rows - unseen.rows
    if seen:
        words += f", {seen:,} of which v{champion.version} may have learned from, which favours it"
    return _comparison(champion, every.value, every.incumbent, words)


def _comparison(champion: ArtifactRow, value: float, incumbent: float, words: str) -> Comparison:
    if not math.isfinite(incumbent):
        return Comparison(champion.id, None, None, f"it has no score {words}")
    return Comparison(champion.id, value if math.isfinite(value) else None, incumbent, words)


def _check_words(manifest: dict[str, Any], challenge: Challenge) -> None:
    """Raises FeatureMismatch unless both read the same features and answer with the same labels."""
    dataset = challenge.dataset
    pairs = (("features", dataset.feature_names), ("labels", dataset.label_order))
    for name, wanted in pairs:
        theirs = manifest.get(name, [])
        if list(theirs) != list(wanted):
            raise FeatureMismatch(f"its {name} are {json.dumps(theirs)}, not {json.dumps(list(wanted))}")
