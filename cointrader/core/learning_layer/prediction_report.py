"""What the agent `decision` said of signals, held against what became of them.

Two looks: the version that decides, asked now about every close it could not have learned from; and the
answers that the gate has given, each by the version that gave it. A ROC-AUC of 0.5 knows nothing.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core.learning_layer.accuracy_report import LEAST, mean_overlap
from cointrader.training.source import WorkspaceSource
from models.decision.closed_signals import ClosedSignals
from models.decision.model import load
from models.errors import ModelError, NotEnoughRows
from models.validation.scores import auc_standard_error, roc_auc
from storage.artifact_rows import find_artifact
from storage.decision_answers import Predicted, count_gate_answers, read_predictions
from storage.errors import StorageError
from storage.report_counts import Stretch
from storage.vault import load_artifact
from storage.workspace import Workspace

AGENT = "decision"


@dataclass(frozen=True)
class Scored:
    """Predictions of n closes: the share that paid, what was expected, and whether the order was right.

    `roc_auc` and its standard error are None while too few closes, or closes of one kind only, are there.
    """

    n: int
    base_rate: float | None
    expected: float | None
    roc_auc: float | None
    roc_auc_error: float | None
    note: str


def report_predictions(
    workspace: Workspace, connection: sqlite3.Connection, stretch: Stretch
) -> dict[str, Any]:
    """{version, learned_until_ms, later, answers, answered, learned_from}, plain values.

    `later` scores the deciding version on closes it could not know, `answers` what the gate said; `answered`
    counts its answers, and `learned_from` those left out because their version had learned from that time.
    """
    until = LearnedUntil(workspace, connection)
    champion = find_artifact(connection, AGENT)
    told: dict[str, Any] = {"version": None, "learned_until_ms": None}
    if champion is None:
        later = _nothing(f"no version of {AGENT} decides yet: `cointrader train {AGENT}` makes one")
    else:
        known = until.of(champion.version)
        told = {
            "version": champion.version,
            "learned_until_ms": int(known) if math.isfinite(known) else None,
        }
        later = _later(workspace, connection, stretch, champion.version, until.of(champion.version))
    said = read_predictions(connection, stretch.first_ms, stretch.run_id)
    closed = [one for one in said if one.closed_ms is not None and one.ts_ms <= stretch.last_ms]
    unknown = [one for one in closed if one.ts_ms > until.of(one.said.version)]
    return told | {
        "later": asdict(later),
        "answers": asdict(_of_answers(unknown)),
        "answered": count_gate_answers(connection, stretch.first_ms, stretch.last_ms, stretch.run_id),
        "learned_from": len(closed) - len(unknown),
    }


class LearnedUntil:
    """Up to which time versions have learned; one whose files are gone has learned from everything."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace, self._connection = workspace, connection
        self._known: dict[int, float] = {}

    def of(self, version: int) -> float:
        if version not in self._known:
            try:
                manifest = load_artifact(self._workspace, self._connection, AGENT, version).manifest
                self._known[version] = float(manifest.get("learned_until_ms", math.inf))
            except StorageError:
                self._known[version] = math.inf
        return self._known[version]


def _later(
    workspace: Workspace, connection: sqlite3.Connection, stretch: Stretch, version: int, until: float
) -> Scored:
    """The deciding version on every later close of the stretch."""
    try:
        model = load(load_artifact(workspace, connection, AGENT, version).files)
    except (ModelError, StorageError) as error:
        return _nothing(f"{AGENT} v{version} cannot be read: {error}")
    source = WorkspaceSource(workspace, connection)
    closed = source.closed_signals("all", only=_closed_ids(connection, stretch))
    asked = closed.asked.ts_ms
    rows = np.flatnonzero((asked > until) & (asked >= stretch.first_ms) & (asked <= stretch.last_ms))
    if not rows.size:
        return _nothing(f"no close of a signal that came after what {AGENT} v{version} learned from")
    past = source.closed_signals("all")
    try:
        candles = source.candles("all", model.params.timeframe_minutes)
    except NotEnoughRows:
        candles = ()
    probability = model.predict_signals(closed.asked.at(rows), past, candles)[:, 1]
    return _scored(closed.at(rows), probability)


def _closed_ids(connection: sqlite3.Connection, stretch: Stretch) -> set[int] | None:
    if stretch.run_id is None:
        return None
    rows = connection.execute("SELECT id FROM signal WHERE run_id = ?", (stretch.run_id,)).fetchall()
    return {row[0] for row in rows}


def _scored(closed: ClosedSignals, probability: NDArray[np.float64]) -> Scored:
    return score(closed.asked.ts_ms, closed.ends_ms, closed.pays, probability)


def _of_answers(said: Sequence[Predicted]) -> Scored:
    if not said:
        return _nothing(
            "no answer of the gate about a signal that was traded, closed, and new to its version"
        )
    return score(
        np.array([one.ts_ms for one in said], np.int64),
        np.array([one.closed_ms for one in said], np.int64),
        np.array([(one.pnl or 0.0) > 0.0 for one in said], np.bool_),
        np.array([one.said.probability for one in said], np.float64),
    )


def score(
    begun_ms: NDArray[np.int64],
    ended_ms: NDArray[np.int64],
    pays: NDArray[np.bool_],
    probability: NDArray[np.float64],
) -> Scored:
    """Predictions of closes; those that overlap H-fold count as n/H."""
    n, base_rate = len(pays), float(pays.mean())
    auc = roc_auc(pays, probability)
    ones = float(pays.sum())
    error = auc_standard_error(ones, n - ones, mean_overlap(begun_ms, ended_ms))
    if n < LEAST or not math.isfinite(auc):
        why = f"{n} closes are too few, {LEAST} are needed" if n < LEAST else "every close was of one kind"
        return Scored(n, base_rate, float(probability.mean()), None, None, why)
    distance = (auc - 0.5) / error
    noise = "within noise of" if abs(distance) < 3.0 else "beyond noise of"
    note = f"{noise} 0.5 ({distance:+.1f} standard errors)"
    return Scored(n, base_rate, float(probability.mean()), auc, error, note)


def _nothing(note: str) -> Scored:
    return Scored(0, None, None, None, None, note)
