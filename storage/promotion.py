"""Which version of an agent decides: a candidate becomes champion only when it has earned it."""

from __future__ import annotations

import math
import sqlite3

from storage.artifact_rows import ArtifactRow, find_artifact, get_artifact
from storage.database import joined_transaction
from storage.events import record_event
from storage.revision import next_rev


def promote_if_better(connection: sqlite3.Connection, artifact_id: int) -> ArtifactRow:
    """Makes a candidate the champion iff it beats its baseline and the champion (higher is better).

    Nothing that learned from synthetic data is promoted. The reason is kept with the row either way
    and told as an event; the champion that is replaced retires. Returns the row as it is afterwards.
    Raises ArtifactMissing.
    """
    with joined_transaction(connection):
        candidate = get_artifact(connection, artifact_id)
        if candidate.status != "candidate":
            return candidate
        champion = find_artifact(connection, candidate.agent)
        synthetic = candidate.provenance == "synthetic" or _learned_from_synthetic(connection, candidate)
        refusal = _refusal(candidate, champion, synthetic)
        if refusal:
            _set_status(connection, candidate, "candidate", refusal)
            text = f"{_name(candidate)} was not promoted: {refusal}"
        else:
            reason = (
                f"{candidate.metric} {candidate.value:.4g} is above its baseline {candidate.baseline:.4g}"
            )
            if champion is not None:
                reason += f" and above {champion.value:.4g} of v{champion.version}"
                _set_status(connection, champion, "retired", f"replaced by v{candidate.version}")
            _set_status(connection, candidate, "champion", reason)
            text = f"{_name(candidate)} is the champion: {reason}"
        data = {"artifact_id": artifact_id, "promoted": not refusal}
        record_event(connection, "promotion", text, subject=_name(candidate), data=data)
        return get_artifact(connection, artifact_id)


def _refusal(candidate: ArtifactRow, champion: ArtifactRow | None, synthetic: bool) -> str:
    """Why a candidate may not be promoted; empty when it may."""
    if synthetic:
        return "it learned from synthetic data"
    if candidate.value is None or not math.isfinite(candidate.value):
        return f"it has no {candidate.metric}"
    if candidate.baseline is None:
        return "there is no baseline to compare with"
    if candidate.value <= candidate.baseline:
        return f"{_score(candidate)} is not above its baseline {candidate.baseline:.4g}"
    if champion is None or champion.value is None:
        return ""
    if champion.metric != candidate.metric:
        return f"the champion v{champion.version} was judged by {champion.metric}, not by {candidate.metric}"
    if candidate.value <= champion.value:
        return f"{_score(candidate)} is not above the champion's, {_score(champion)} (v{champion.version})"
    return ""


def _learned_from_synthetic(connection: sqlite3.Connection, artifact: ArtifactRow) -> bool:
    rows = connection.execute(
        "SELECT dataset.provenance FROM session JOIN dataset ON dataset.id = session.dataset_id "
        "WHERE session.id = ?",
        (artifact.session_id,),
    ).fetchall()
    return ("synthetic",) in rows


def _set_status(connection: sqlite3.Connection, artifact: ArtifactRow, status: str, reason: str) -> None:
    connection.execute(
        "UPDATE artifact SET status = ?, reason = ?, rev = ? WHERE id = ?",
        (status, reason, next_rev(connection), artifact.id),
    )


def _name(artifact: ArtifactRow) -> str:
    return f"{artifact.agent} v{artifact.version}"


def _score(artifact: ArtifactRow) -> str:
    return artifact.metric if artifact.value is None else f"{artifact.metric} {artifact.value:.4g}"
