"""Sessions and steps of the CNN as values, read back from what training has left in the workspace."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.comparable import layout_and_optimiser
from cointrader.training.datasets import load_dataset
from cointrader.training.past import past_of
from cointrader.training.rebuild import weights_at
from cointrader.training.replaying.request import PROFITABLE_SCORE
from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.convergence import Convergence, judge
from storage.database import open_database
from storage.journal import JournalMissing, stored_steps
from storage.sessions import get_session
from storage.steps import StepRow, batch_of, get_step, journal_of, norms_of, step_range, steps_between
from storage.workspace import Workspace

STEPS_AT_ONCE = 500
PARTS = ("classification", "regression", "confidence", "total")


@dataclass(frozen=True)
class CNNTrainingStep:
    """One update of the optimiser, as it was journalled.

    The losses are the unweighted parts; total = classification + 0.5 regression + 0.25 confidence.
    `gradient_norms` has the norm of each layer, `batch` the rows of the session's dataset, `training_value`
    is |drop of the loss| times the mean priority of the batch.
    """

    session_id: int
    step: int
    classification_loss: float
    regression_loss: float
    confidence_loss: float
    total_loss: float
    learning_rate: float
    gradient_norms: Mapping[str, float]
    batch: tuple[int, ...]
    priority: float
    training_value: float
    weights_sha256: str
    gradient_sha256: str
    workspace: Workspace = field(repr=False)

    def gradients(self) -> dict[str, NDArray[np.float32]]:
        """The gradient that the optimiser consumed, by the name of each parameter, after clipping.

        Raises JournalMissing where only its digest was kept, JournalDamaged naming the file.
        """
        with closing(open_database(self.workspace)) as connection:
            layout, _ = layout_and_optimiser(past_of(self.workspace, connection, self.session_id).journal)
            for kept in stored_steps(connection, self.workspace, self.session_id, self.step, self.step):
                return layout.gradients(kept.gradient)
        raise JournalMissing(f"step {self.step:,} of session {self.session_id} has no gradient that was kept")

    def weights(self) -> dict[str, NDArray[Any]]:
        """The weights after this step, rebuilt to the bit from the nearest snapshot, by name.

        Raises what `gradients` raises.
        """
        with closing(open_database(self.workspace)) as connection:
            _, weights = weights_at(self.workspace, connection, self.session_id, self.step)
            return weights


@dataclass(frozen=True)
class Profitability:
    """What the setups were worth that a session drew, each counted as often as it was drawn.

    `draws` counts draws of rows whose setup has an outcome, `net_return` is a fraction, net of cost.
    """

    draws: int
    setups: int
    mean_score: float
    profitable_share: float
    net_return: float


@dataclass(frozen=True)
class CNNTrainingSession:
    """One training run: its end, how it converged, and how far its confidence can be believed.

    `value` is the AUC of "pivot" on rows it never saw, None where it has none; `calibration_error` is the
    expected calibration error there (Guo et al. 2017, arXiv:1706.04599), None where it was not evaluated.
    `version` is 0 where none was stored. `training_value` ranks sessions for replay.
    """

    session_id: int
    symbols: tuple[str, ...]
    state: str
    seed: int
    params: Mapping[str, Any]
    steps: int
    convergence: Convergence
    metric: str
    value: float | None
    baseline: float | None
    calibration_error: float | None
    version: int
    training_value: float
    weights_sha256: str
    note: str
    workspace: Workspace = field(repr=False)

    def training_steps(self) -> Iterator[CNNTrainingStep]:
        """Every step that was journalled, the first one first."""
        with closing(open_database(self.workspace)) as connection:
            for row, norms in _rows(connection, self.session_id):
                yield _step(self.workspace, row, norms)

    def profitability(self) -> Profitability | None:
        """Of the setups that it was trained on; None where nothing it drew has an outcome."""
        with closing(open_database(self.workspace)) as connection:
            return profitability_of(self.workspace, connection, self.session_id)


def read_step(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int, step: int
) -> CNNTrainingStep:
    """One step of a session. Raises StorageError when it was not journalled."""
    row, journal = get_step(connection, session_id, step), journal_of(connection, session_id)
    return _step(workspace, row, {} if journal is None else norms_of(row, journal))


def read_session(workspace: Workspace, connection: sqlite3.Connection, session_id: int) -> CNNTrainingSession:
    """A session as it stands. Raises StorageError when there is none of this id."""
    row, journal = get_session(connection, session_id), journal_of(connection, session_id)
    described = connection.execute(
        "SELECT description FROM dataset WHERE id = ?", (row.dataset_id,)
    ).fetchall()
    stored = connection.execute(
        "SELECT version, metrics_json FROM artifact WHERE session_id = ?", (session_id,)
    ).fetchall()
    version, measured = (int(stored[0][0]), json.loads(stored[0][1])["others"]) if stored else (0, {})
    error = measured.get("ece", _evaluated(connection, session_id, "ece"))
    return CNNTrainingSession(
        session_id=row.id,
        symbols=tuple(json.loads(described[0][0])["symbols"]) if described else (),
        state=row.state,
        seed=row.seed,
        params=json.loads(row.params_json),
        steps=row.step,
        convergence=judge(validation_losses(connection, session_id)),
        metric=row.metric,
        value=row.value,
        baseline=row.baseline,
        calibration_error=error,
        version=version,
        training_value=0.0 if journal is None else journal.training_value,
        weights_sha256=row.weights_sha256,
        note=row.note,
        workspace=workspace,
    )


def validation_losses(connection: sqlite3.Connection, session_id: int) -> list[float]:
    """The loss on the early-stopping slice, oldest first; of steps computed twice the later attempt's."""
    rows = connection.execute(
        "SELECT step, value FROM metric WHERE session_id = ? AND name = 'validation/loss' "
        "ORDER BY step, attempt",
        (session_id,),
    ).fetchall()
    by_step = {int(step): math.nan if value is None else float(value) for step, value in rows}
    return list(by_step.values())


def profitability_of(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int
) -> Profitability | None:
    """Of the setups whose rows the journalled steps of a session drew; None where there are none."""
    session = get_session(connection, session_id)
    if session.dataset_id is None or step_range(connection, session_id) is None:
        return None
    dataset = load_dataset(workspace, connection, session.dataset_id)
    draws = np.zeros(dataset.rows, dtype=np.int64)
    for row, _ in _rows(connection, session_id):
        np.add.at(draws, np.array(batch_of(row), dtype=np.int64), 1)
    score, net_return = _outcomes(connection, dataset)
    known = np.flatnonzero((draws > 0) & np.isfinite(score))
    if not len(known):
        return None
    total = int(draws[known].sum())
    share = draws[known] / total
    return Profitability(
        draws=total,
        setups=len(known),
        mean_score=float(share @ score[known]),
        profitable_share=int(draws[known] @ (score[known] >= PROFITABLE_SCORE)) / total,
        net_return=float(share @ net_return[known]),
    )


def _outcomes(connection: sqlite3.Connection, dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """Score and net return of the setup of every row; NaN where there is none with an outcome."""
    score, net_return = np.full(dataset.rows, np.nan), np.full(dataset.rows, np.nan)
    timeframe_ms = int(dataset.constants["timeframe_ms"])
    for number, symbol in enumerate(dataset.symbols):
        found = connection.execute(
            "SELECT ts_ms, score, net_return FROM setup "
            "WHERE symbol = ? AND timeframe_ms = ? AND state = 'validated' ORDER BY ts_ms",
            (symbol, timeframe_ms),
        ).fetchall()
        if not found:
            continue
        moments: IntArray = np.array([row[0] for row in found], dtype=np.int64)
        values: FloatArray = np.array([row[1:] for row in found], dtype=np.float64)
        rows = np.flatnonzero(dataset.symbol == number)
        at = np.minimum(np.searchsorted(moments, dataset.t0_ms[rows]), len(moments) - 1)
        same = moments[at] == dataset.t0_ms[rows]
        score[rows[same]], net_return[rows[same]] = values[at[same]].T
    return score, net_return


def _rows(connection: sqlite3.Connection, session_id: int) -> Iterator[tuple[StepRow, Mapping[str, float]]]:
    """The rows of all steps with the norms of their layers, a page at a time."""
    kept, journal = step_range(connection, session_id), journal_of(connection, session_id)
    if kept is None or journal is None:
        return
    after = kept.first
    while after <= kept.last:
        page = steps_between(connection, session_id, after, kept.last, STEPS_AT_ONCE)
        for row in page:
            yield row, norms_of(row, journal)
        if not page:
            return
        after = page[-1].step + 1


def _step(workspace: Workspace, row: StepRow, norms: Mapping[str, float]) -> CNNTrainingStep:
    losses = [row.losses.get(f"losses/{part}") for part in PARTS]
    classification, regression, confidence, total = (math.nan if loss is None else loss for loss in losses)
    return CNNTrainingStep(
        session_id=row.session_id,
        step=row.step,
        classification_loss=classification,
        regression_loss=regression,
        confidence_loss=confidence,
        total_loss=total,
        learning_rate=row.learning_rate,
        gradient_norms=norms,
        batch=batch_of(row),
        priority=row.priority,
        training_value=row.value,
        weights_sha256=row.weights_sha256,
        gradient_sha256=row.gradient_sha256,
        workspace=workspace,
    )


def _evaluated(connection: sqlite3.Connection, session_id: int, name: str) -> float | None:
    """What a session without a version was measured to be on rows it never saw."""
    rows = connection.execute(
        "SELECT value FROM metric WHERE session_id = ? AND name = ? ORDER BY step DESC, attempt DESC LIMIT 1",
        (session_id, f"evaluation/{name}"),
    ).fetchall()
    return None if not rows or rows[0][0] is None else float(rows[0][0])
