"""From what the core decided to rows, and from rows to a trained version of `decision`."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from cointrader.core.agent_logger import CoreAgentLogger
from cointrader.core.learning_layer.rows import Row, stored_ids, stored_rows, told_closes, told_rows
from cointrader.core.memory.recent_context import RecentContext
from cointrader.training.queued import QueuedTraining, WorkerNotReached, train_and_wait
from cointrader.training.source import WEAKEST_FIRST, WorkspaceSource
from models.base import Dataset
from models.decision import agent
from models.decision.closed_signals import joined
from models.decision.params import DecisionParams
from models.errors import ModelError
from models.parameters import ParameterError, build
from storage.database import open_database, transaction
from storage.errors import StorageError
from storage.events import Severity, record_event
from storage.workspace import Workspace

AGENT = "decision"
NEWEST = 50_000
TOLD = "import"
"""The lineage of what programs told: as good as any file of theirs."""


class TrainingModule:
    """Makes datasets of what the core decided and what came of it, and trains `decision` on them.

    Every call opens the workspace of the context for itself, so that any thread may make it.
    """

    def __init__(
        self, context: RecentContext, *, newest: int = NEWEST, timeout_seconds: float = 600.0
    ) -> None:
        """`newest` is how many signals of backtests and paper runs are taken at most."""
        self.context = context
        self.newest = newest
        self.timeout_seconds = timeout_seconds

    @property
    def workspace(self) -> Workspace:
        """Where the context keeps what it was told."""
        return self.context.workspace

    def prepare_dataset(self) -> list[Row]:
        """One row a signal: {signal, rejected, rejection_reason, pnl}.

        First those that the context reads back, then those of backtests and paper runs, each with the profit
        of its closed position. `rejection_reason` is None and `pnl` is {} where there is none.
        """
        with closing(open_database(self.workspace)) as connection:
            context = RecentContext(self.context.max_history, workspace=self.workspace, connection=connection)
            rows = told_rows(context) + stored_rows(connection, self.newest)
            data = {"dataset_size": len(rows), "rejected": sum(1 for row in rows if row["rejected"])}
            CoreAgentLogger(workspace=self.workspace, connection=connection).log_action(
                "prepare_dataset", data
            )
        return rows

    def train_model(
        self, dataset: Sequence[Row], params: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> dict[str, Any]:
        """Trains `decision` on the rows whose signal was traded and closed, in a child process, and waits.

        {dataset_size, rows_used, accuracy, updated, reason}, and of a stored version {version, metric,
        value, baseline, status, job}. `updated` only when a version was stored; `accuracy` is that on rows
        the model had not seen, None without a version. What failed stands in `error`, too.
        """
        answer: dict[str, Any] = {
            "dataset_size": len(dataset),
            "rows_used": 0,
            "accuracy": None,
            "updated": False,
        }
        chosen = dict(params or {})
        with closing(open_database(self.workspace)) as connection:
            try:
                made = self._dataset(connection, dataset, build(DecisionParams, chosen))
                answer["rows_used"] = made.rows
                trained = train_and_wait(
                    self.workspace,
                    connection,
                    AGENT,
                    made,
                    chosen,
                    seed=seed,
                    timeout_seconds=self.timeout_seconds,
                )
            except ModelError as error:
                given = f"{len(dataset):,} {'signal was' if len(dataset) == 1 else 'signals were'} given"
                answer["reason"] = f"{error}; {given}"
            except (ParameterError, StorageError, WorkerNotReached, sqlite3.Error) as error:
                answer["reason"] = answer["error"] = str(error)
            else:
                answer |= _told(trained)
            self._record(connection, answer)
        return answer

    def _dataset(
        self, connection: sqlite3.Connection, rows: Sequence[Row], params: DecisionParams
    ) -> Dataset:
        """The agent's dataset of the closed signals among these rows. Raises NotEnoughRows."""
        source = WorkspaceSource(self.workspace, connection)
        stored = source.closed_signals(params.symbols, only=stored_ids(rows))
        told = told_closes(rows)
        made = agent.dataset_of(source, params, joined((stored, told)))
        if not len(told):
            return made
        weakest = min((made.provenance, TOLD), key=WEAKEST_FIRST.index)
        return dataclasses.replace(made, provenance=weakest)

    def _record(self, connection: sqlite3.Connection, answer: Mapping[str, Any]) -> None:
        """Every training that was asked for is an action of the core and an event of the workspace."""
        severity: Severity = "info" if answer["updated"] else "warning"
        if "error" in answer:
            severity = "error"
        verb = "stored a version" if answer["updated"] else "failed" if "error" in answer else "was refused"
        text = f"training of {AGENT} on {answer['dataset_size']:,} signals {verb}: {answer['reason']}"
        log = CoreAgentLogger(workspace=self.workspace, connection=connection)
        with transaction(connection):
            record_event(connection, "training", text, severity=severity, subject=AGENT, data=dict(answer))
            action = log.add_row("train_model", answer, severity=severity)
        log.write_files([action])


def _told(trained: QueuedTraining) -> dict[str, Any]:
    """What the caller is told of a training that has ended (or goes on after the timeout)."""
    result = trained.job.result
    told: dict[str, Any] = {"reason": trained.reason, "updated": trained.succeeded, "job": trained.job.id}
    if not trained.succeeded:
        return told | {"error": trained.reason}
    named = {name: result.get(name) for name in ("version", "metric", "value", "baseline", "status")}
    return told | named | {"accuracy": trained.metrics.get("accuracy")}
