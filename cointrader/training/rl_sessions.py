"""Sessions and steps of RL agents as values, read back from what training has left in the workspace."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.cnn_sessions import validation_losses
from cointrader.training.comparable import layout_and_optimiser
from cointrader.training.datasets import load_dataset
from cointrader.training.past import past_of
from cointrader.training.rebuild import weights_at
from models.base import Dataset
from models.convergence import Convergence, judge
from storage.database import open_database
from storage.journal import JournalMissing, stored_steps
from storage.sessions import get_session
from storage.steps import StepRow, batch_of, get_step, journal_of, norms_of, step_range, steps_between
from storage.workspace import Workspace

STEPS_AT_ONCE = 500


@dataclass(frozen=True)
class RLTrainingStep:
    """One update of the optimiser, as it was journalled.

    `q_loss` and `policy_loss` are the parts of `total_loss` that the agent has, None for one it has not.
    `batch` are rows of the session's dataset; `mean_reward` and `batch_profitability` (the share that paid)
    are those of these rows. `training_value` is |drop of the loss| times the mean priority of the batch.
    """

    session_id: int
    step: int
    q_loss: float | None
    policy_loss: float | None
    total_loss: float | None
    learning_rate: float
    gradient_norms: Mapping[str, float]
    batch: tuple[int, ...]
    mean_reward: float
    batch_profitability: float
    priority: float
    target_renewed: bool
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
        """All weights after this step, rebuilt to the bit from the nearest snapshot, by name."""
        with closing(open_database(self.workspace)) as connection:
            _, weights = weights_at(self.workspace, connection, self.session_id, self.step)
            return weights


@dataclass(frozen=True)
class RLTrainingSession:
    """One training run: its end, how it converged, and what its policy earned on setups it never saw.

    `value` is the mean reward a setup, to be held against `baseline`, what holding earns; None where it is
    not known. `version` is 0 where none was stored. `training_value` ranks sessions for replay.
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
    version: int
    training_value: float
    weights_sha256: str
    note: str
    workspace: Workspace = field(repr=False)

    def training_steps(self) -> Iterator[RLTrainingStep]:
        """Every step that was journalled, the first one first."""
        with closing(open_database(self.workspace)) as connection:
            kept, journal = step_range(connection, self.session_id), journal_of(connection, self.session_id)
            if kept is None or journal is None:
                return
            dataset = _dataset_of(self.workspace, connection, self.session_id)
            for after in range(kept.first, kept.last + 1, STEPS_AT_ONCE):
                last = min(kept.last, after + STEPS_AT_ONCE - 1)
                for row in steps_between(connection, self.session_id, after, last, STEPS_AT_ONCE):
                    yield _step(self.workspace, row, norms_of(row, journal), dataset)


def read_rl_step(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int, step: int
) -> RLTrainingStep:
    """One step of a session. Raises StorageError when it was not journalled."""
    row, journal = get_step(connection, session_id, step), journal_of(connection, session_id)
    norms = {} if journal is None else norms_of(row, journal)
    return _step(workspace, row, norms, _dataset_of(workspace, connection, session_id))


def read_rl_session(
    workspace: Workspace, connection: sqlite3.Connection, session_id: int
) -> RLTrainingSession:
    """A session as it stands. Raises StorageError when there is none of this id."""
    row, journal = get_session(connection, session_id), journal_of(connection, session_id)
    described = connection.execute(
        "SELECT description FROM dataset WHERE id = ?", (row.dataset_id,)
    ).fetchall()
    stored = connection.execute("SELECT version FROM artifact WHERE session_id = ?", (session_id,)).fetchall()
    return RLTrainingSession(
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
        version=int(stored[0][0]) if stored else 0,
        training_value=0.0 if journal is None else journal.training_value,
        weights_sha256=row.weights_sha256,
        note=row.note,
        workspace=workspace,
    )


def _dataset_of(workspace: Workspace, connection: sqlite3.Connection, session_id: int) -> Dataset | None:
    dataset_id = get_session(connection, session_id).dataset_id
    return None if dataset_id is None else load_dataset(workspace, connection, dataset_id)


def _step(
    workspace: Workspace, row: StepRow, norms: Mapping[str, float], dataset: Dataset | None
) -> RLTrainingStep:
    batch = batch_of(row)
    reward = np.full(1, np.nan) if dataset is None else dataset.arrays["reward"][np.array(batch)]
    q_loss = row.losses.get("losses/q_loss", row.losses.get("losses/td_loss"))
    return RLTrainingStep(
        session_id=row.session_id,
        step=row.step,
        q_loss=q_loss,
        policy_loss=row.losses.get("losses/policy_loss"),
        total_loss=row.losses.get("losses/total"),
        learning_rate=row.learning_rate,
        gradient_norms=norms,
        batch=batch,
        mean_reward=float(reward.mean()),
        batch_profitability=float((reward > 0.0).mean()) if dataset is not None else float("nan"),
        priority=row.priority,
        target_renewed=bool(row.synced),
        training_value=row.value,
        weights_sha256=row.weights_sha256,
        gradient_sha256=row.gradient_sha256,
        workspace=workspace,
    )
