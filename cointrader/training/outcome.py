"""How a session ends: as a version in the vault, or with the reason why there is none."""

from __future__ import annotations

import json
import math
import sqlite3

from cointrader.training.code_version import code_version
from cointrader.training.incumbent import Challenge, compare_with, in_words
from models.base import Metrics
from storage.clock import now_ms
from storage.database import transaction
from storage.events import Severity, record_event
from storage.journal import rate_session
from storage.metrics import write_metrics
from storage.promotion import Comparison
from storage.sessions import SessionRow, record_trials, update_session
from storage.vault import ArtifactRow, find_artifact, promote_if_better, store_artifact
from storage.workspace import Workspace


def store_version(workspace: Workspace, connection: sqlite3.Connection, challenge: Challenge) -> ArtifactRow:
    """The version, its trials, its judgement and the end of the session, in one transaction."""
    session, dataset = challenge.session, challenge.dataset
    model, metrics = challenge.model, challenge.metrics
    value = metrics.value if math.isfinite(metrics.value) else None
    notes = [part for part in (session.note, model.convergence, metrics.note) if part]
    manifest = {
        "params": json.loads(session.params_json),
        "seed": session.seed,
        "features": list(model.feature_names),
        "labels": list(model.label_order),
        "horizon_bars": dataset.horizon_bars,
        "timeframe_ms": int(dataset.constants.get("timeframe_ms", 0)),
        "symbols": list(dataset.symbols),
        "dataset_until_ms": int(dataset.t1_ms.max()),
        "learned_until_ms": challenge.module.learned_until_ms(dataset, challenge.params),
        "weights_sha256": model.weights_sha256(),
        "device": session.device,
        "code_version": code_version(),
    }
    tried = [(point.params_json, _finite(point.value)) for point in model.trials]
    champion, comparison = _compared(workspace, connection, challenge)
    with transaction(connection):
        if find_artifact(connection, session.agent) != champion:
            # Another session of the agent was promoted while this one was compared.
            champion, comparison = _compared(workspace, connection, challenge)
        incumbent = in_words(champion, comparison) if champion and comparison else None
        artifact = store_artifact(
            workspace,
            connection,
            agent=session.agent,
            session_id=session.id,
            files=model.save(),
            manifest=manifest,
            metric=metrics.name,
            value=value,
            baseline=metrics.baseline,
            metrics={
                "others": {name: _finite(number) for name, number in metrics.others.items()},
                "per_fold": [_finite(number) for number in metrics.per_fold],
                "standard_error": _finite(metrics.standard_error),
                "incumbent": incumbent,
            },
            provenance=dataset.provenance,
        )
        record_trials(
            connection,
            agent=session.agent,
            session_id=session.id,
            metric=metrics.name,
            trials=tried or [(session.params_json, value)],
        )
        update_session(
            connection,
            session.id,
            attempt=session.attempt,
            state="succeeded",
            metric=metrics.name,
            value=value,
            baseline=metrics.baseline,
            note="; ".join(notes),
            weights_sha256=manifest["weights_sha256"],
            ended_ms=now_ms(),
        )
        rate_session(connection, session.id, session.attempt, _improvement(metrics, comparison))
        return promote_if_better(
            connection, artifact.id, comparison, standard_error=_finite(metrics.standard_error)
        )


def end_without_version(connection: sqlite3.Connection, challenge: Challenge) -> None:
    """The end of a session whose network is not one of ours: judged like any other, but no version is stored.

    Whoever asks the vault for the agent's champion has our network only, and could not load this one.
    """
    session, model, metrics = challenge.session, challenge.model, challenge.metrics
    value = _finite(metrics.value)
    own = "trained a module of the caller's own, of which no version is stored"
    notes = [part for part in (session.note, own, model.convergence, metrics.note) if part]
    with transaction(connection):
        record_trials(
            connection,
            agent=session.agent,
            session_id=session.id,
            metric=metrics.name,
            trials=[(session.params_json, value)],
        )
        update_session(
            connection,
            session.id,
            attempt=session.attempt,
            state="succeeded",
            metric=metrics.name,
            value=value,
            baseline=metrics.baseline,
            note="; ".join(notes),
            weights_sha256=model.weights_sha256(),
            ended_ms=now_ms(),
        )
        measured = [(session.step, f"evaluation/{name}", number) for name, number in metrics.others.items()]
        write_metrics(connection, session.id, session.attempt, measured)
        rate_session(connection, session.id, session.attempt, _improvement(metrics, None))


def _improvement(metrics: Metrics, comparison: Comparison | None) -> float | None:
    """What the version gained on rows it never saw: over the champion, or the baseline where there is none.

    None where one of them has no value there.
    """
    if comparison is None:
        return metrics.value - metrics.baseline
    if comparison.value is None or comparison.incumbent is None:
        return None
    return comparison.value - comparison.incumbent


def _compared(
    workspace: Workspace, connection: sqlite3.Connection, challenge: Challenge
) -> tuple[ArtifactRow | None, Comparison | None]:
    champion = find_artifact(connection, challenge.session.agent)
    if champion is None:
        return None, None
    return champion, compare_with(workspace, connection, champion, challenge)


def end_session(
    connection: sqlite3.Connection, session: SessionRow, state: str, note: str, **columns: object
) -> None:
    """Close a session that made no version, with the reason for the operator."""
    severity: Severity = "info" if state in ("cancelled", "interrupted") else "error"
    text = f"training of {session.agent} {state}: {note}"
    with transaction(connection):
        update_session(
            connection,
            session.id,
            attempt=session.attempt,
            state=state,
            note=note,
            ended_ms=now_ms(),
            **columns,
        )
        record_event(connection, "training", text, severity=severity, subject=f"session {session.id}")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
