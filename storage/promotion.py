"""Which version of an agent decides: a candidate becomes champion only when it has earned it.

Stored values of two versions come from different out-of-sample windows as a rule, so they are never held
against each other: whoever trains brings a `Comparison` that was made on one window.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

from storage.artifact_rows import ArtifactRow, find_artifact, get_artifact
from storage.database import joined_transaction
from storage.events import record_event
from storage.revision import next_rev

NOISE_STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Comparison:
    """A candidate and the champion by the candidate's primary metric on the same rows.

    `incumbent` is None where the champion could not be compared; `words` says on which rows, or why not.
    """

    incumbent_id: int
    value: float | None
    incumbent: float | None
    words: str


def promote_if_better(
    connection: sqlite3.Connection,
    artifact_id: int,
    comparison: Comparison | None = None,
    *,
    standard_error: float | None = None,
) -> ArtifactRow:
    """Makes a candidate the champion iff it beats its baseline and the champion (higher is better).

    The champion is beaten in `comparison`, on rows that both were asked about. Where that says that it
    could not be asked, the baseline decides and the reason says so; a champion without a comparison stays.
    Nothing that learned from synthetic data is promoted. `standard_error` of the value around its baseline
    only adds to the reason, which is kept with the row and told as an event; the champion that is replaced
    retires. Returns the row as it is afterwards. Raises ArtifactMissing.
    """
    with joined_transaction(connection):
        candidate = get_artifact(connection, artifact_id)
        if candidate.status != "candidate":
            return candidate
        champion = find_artifact(connection, candidate.agent)
        synthetic = candidate.provenance == "synthetic" or _learned_from_synthetic(connection, candidate)
        noise = _noise(candidate, standard_error)
        refusal = _refusal(candidate, champion, comparison, synthetic, noise)
        if refusal:
            _set_status(connection, candidate, "candidate", refusal)
            text = f"{_name(candidate)} was not promoted: {refusal}"
        else:
            reason = f"{_score(candidate)} is above its baseline {candidate.baseline:.4g}{noise}"
            if champion is not None and comparison is not None:
                reason += _against(champion, comparison)
                _set_status(connection, champion, "retired", f"replaced by v{candidate.version}")
            _set_status(connection, candidate, "champion", reason)
            text = f"{_name(candidate)} is the champion: {reason}"
        data = {"artifact_id": artifact_id, "promoted": not refusal}
        record_event(connection, "promotion", text, subject=_name(candidate), data=data)
        return get_artifact(connection, artifact_id)


def _refusal(
    candidate: ArtifactRow,
    champion: ArtifactRow | None,
    comparison: Comparison | None,
    synthetic: bool,
    noise: str,
) -> str:
    """Why a candidate may not be promoted; empty when it may."""
    if synthetic:
        return "it learned from synthetic data"
    if candidate.value is None or not math.isfinite(candidate.value):
        return f"it has no {candidate.metric}"
    if candidate.baseline is None:
        return "there is no baseline to compare with"
    if candidate.value <= candidate.baseline:
        return f"{_score(candidate)} is not above its baseline {candidate.baseline:.4g}{noise}"
    return "" if champion is None else _defended(candidate, champion, comparison)


def _defended(candidate: ArtifactRow, champion: ArtifactRow, comparison: Comparison | None) -> str:
    """Why the champion keeps its place; empty when it does not."""
    if comparison is None or comparison.incumbent_id != champion.id:
        return f"it was not compared with the champion v{champion.version} on the same rows"
    if comparison.incumbent is None:
        return ""
    if comparison.value is None or comparison.value <= comparison.incumbent:
        mine = "none" if comparison.value is None else f"{comparison.value:.4g}"
        return (
            f"{candidate.metric} {mine} is not above {comparison.incumbent:.4g} "
            f"of the champion v{champion.version} {comparison.words}"
        )
    return ""


def _against(champion: ArtifactRow, comparison: Comparison) -> str:
    if comparison.incumbent is None:
        return f"; the champion before it, v{champion.version}, could not be compared: {comparison.words}"
    theirs = f"{comparison.incumbent:.4g} of v{champion.version}"
    return f"; {comparison.value:.4g} is above {theirs} {comparison.words}"


def _noise(candidate: ArtifactRow, standard_error: float | None) -> str:
    """How far the value is from its baseline, in standard errors; empty where that is not known."""
    if candidate.value is None or candidate.baseline is None or not standard_error:
        return ""
    distance = (candidate.value - candidate.baseline) / standard_error
    if not math.isfinite(distance):
        return ""
    words = "within noise of it" if abs(distance) < NOISE_STANDARD_ERRORS else "beyond noise"
    return f", {words} ({distance:+.1f} standard errors)"


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
