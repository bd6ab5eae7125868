"""The training system beside a running program: workers in threads collect, validate and train by themselves.

    integration = EnhancedTrainingIntegration(data_provider, orchestrator, trading_executor)
    integration.start_enhanced_integration()
    ...
    integration.get_integration_statistics()
    integration.stop_enhanced_integration()

A worker that meets an error says so in the statistics, waits, and goes on; nothing that it stored is lost.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from cointrader.data_feeds.data_provider import CandleProvider
from cointrader.settings import Settings, TrainingSettings, load_settings
from cointrader.training.integrating.components import (
    EpisodeTrainer,
    ExperienceTrainer,
    Orchestrator,
    TradingExecutor,
)
from cointrader.training.training_integration import TrainingIntegration
from models.parameters import build
from storage.clock import now_ms
from storage.database import open_database
from storage.training_health import TrainingHealth, training_health
from storage.workspace import Workspace, resolve_workspace

__all__ = ["EnhancedTrainingConfig", "EnhancedTrainingIntegration"]

TRAIN_SECONDS = 5.0
STOP_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EnhancedTrainingConfig:
    """How often is collected, what is complete enough, and when there is enough to train on.

    `collection_interval` is in seconds; the others are those of the section [training] of the settings, which
    it stands in for. Raises ParameterError naming the range.
    """

    collection_interval: float = 1.0
    min_data_completeness: float = 0.8
    min_episodes_for_cnn_training: int = 100
    min_experiences_for_rl_training: int = 200
    min_profitability_for_replay: float = 0.1
    enable_background_validation: bool = True

    def __post_init__(self) -> None:
        build(TrainingSettings, dataclasses.asdict(self))

    def within(self, settings: Settings) -> Settings:
        """`settings` with these values."""
        training = dataclasses.replace(settings.training, **dataclasses.asdict(self))
        return dataclasses.replace(settings, training=training)


@dataclass
class _Worker:
    """One thread that takes the same turn again and again."""

    name: str
    turn: Callable[[TrainingIntegration], object]
    seconds: float
    thread: threading.Thread | None = None
    turns: int = 0
    last_ms: int | None = None
    last_error: str = ""

    def told(self) -> dict[str, Any]:
        """Its state for the statistics."""
        alive = self.thread is not None and self.thread.is_alive()
        told = {"alive": alive, "turns": self.turns, "last_ms": self.last_ms}
        return {**told, "last_error": self.last_error}


class EnhancedTrainingIntegration:
    """Runs the training system over a program's data, decisions and trades until it is stopped.

    Any part may be the program's own: see `cointrader.training.integrating.components`.
    """

    def __init__(
        self,
        data_provider: CandleProvider,
        orchestrator: Orchestrator | None = None,
        trading_executor: TradingExecutor | None = None,
        config: EnhancedTrainingConfig | None = None,
        *,
        cnn_trainer: EpisodeTrainer | None = None,
        rl_trainer: ExperienceTrainer | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        """Raises TypeError for a part that cannot do what is asked of it."""
        _check_part("orchestrator", orchestrator, Orchestrator)
        _check_part("trading_executor", trading_executor, TradingExecutor)
        _check_part("cnn_trainer", cnn_trainer, EpisodeTrainer)
        _check_part("rl_trainer", rl_trainer, ExperienceTrainer)
        self.config = config or EnhancedTrainingConfig()
        self.workspace = workspace or resolve_workspace()
        self._parts: dict[str, Any] = {
            "orchestrator": orchestrator,
            "executor": trading_executor,
            "cnn": cnn_trainer,
            "rl": rl_trainer,
        }
        self._provider = data_provider
        self._settings = self.config.within(load_settings(self.workspace.config))
        self._stop = threading.Event()
        self._workers = self._make_workers()
        self._turn = threading.Lock()
        self._waiting: dict[str, str] = {}
        self._failed = ""

    def _make_workers(self) -> list[_Worker]:
        interval = self.config.collection_interval
        workers = [_Worker("collection", TrainingIntegration.collect, interval)]
        if self.config.enable_background_validation:
            workers.append(_Worker("validation", TrainingIntegration.validate, interval))
        workers.append(_Worker("training", self._train, max(TRAIN_SECONDS, interval)))
        return workers

    def start_enhanced_integration(self) -> None:
        """Starts the workers; one that runs already goes on. Returns at once."""
        open_database(self.workspace).close()
        self._stop.clear()
        for worker in self._workers:
            if worker.thread is None or not worker.thread.is_alive():
                worker.thread = threading.Thread(
                    target=self._work, args=(worker,), name=f"training-{worker.name}", daemon=True
                )
                worker.thread.start()

    def stop_enhanced_integration(self, timeout: float = STOP_SECONDS) -> bool:
        """Ends the workers after the turn they are in; False where one took longer than `timeout` seconds."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.thread is not None and worker.thread.is_alive() for worker in self._workers)

    def __enter__(self) -> Self:
        self.start_enhanced_integration()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop_enhanced_integration()

    def get_integration_statistics(self) -> dict[str, Any]:
        """Counts and health as plain values.

        packages_collected, mean_completeness, packages_refused {reason: n}, rapid_changes,
        outcomes_validated, outcomes_waiting, outcomes_incomplete {reason: n}, experiences, sessions and
        steps by agent, waiting {agent: "37/100"}, workers {name: {alive, turns, last_ms, last_error}},
        healthy, last_error.
        """
        connection = open_database(self.workspace)
        try:
            health = training_health(
                connection,
                episodes_needed=self.config.min_episodes_for_cnn_training,
                experiences_needed=self.config.min_experiences_for_rl_training,
            )
        finally:
            connection.close()
        workers = {worker.name: worker.told() for worker in self._workers}
        errors = [error for error in (*(each.last_error for each in self._workers), self._failed) if error]
        return {
            **_counts(health),
            "waiting": _waiting(health) | self._waiting,
            "workers": workers,
            "healthy": not errors and all(told["alive"] for told in workers.values()),
            "last_error": errors[-1] if errors else health.last_error,
        }

    def _work(self, worker: _Worker) -> None:
        integration = TrainingIntegration(
            self._provider, **self._parts, workspace=self.workspace, settings=self._settings
        )
        try:
            while not self._stop.is_set():
                self._take(worker, integration)
                self._stop.wait(worker.seconds)
        finally:
            integration.close()

    def _take(self, worker: _Worker, integration: TrainingIntegration) -> None:
        try:
            # A provider, an orchestrator or a model of the user's need not be safe in several threads.
            with self._turn:
                worker.turn(integration)
            worker.last_error = ""
        except Exception as error:
            # Whatever a part of the user's raises: the program that it runs in must not end of it.
            worker.last_error = f"{worker.name}: {type(error).__name__}: {error}"
            log.exception("the %s worker met an error and goes on", worker.name)
        worker.turns += 1
        worker.last_ms = now_ms()

    def _train(self, integration: TrainingIntegration) -> None:
        turn = integration.train()
        self._waiting = {trained.agent: trained.words for trained in turn if trained.what == "waiting"}
        if any(trained.what != "waiting" for trained in turn):
            told = [f"{trained.agent}: {trained.words}" for trained in turn if trained.what == "failed"]
            self._failed = "; ".join(told)


def _check_part(name: str, part: object, protocol: type) -> None:
    if part is not None and not isinstance(part, protocol):
        wanted = ", ".join(method for method in vars(protocol) if not method.startswith("_"))
        raise TypeError(f"{name} must have the method {wanted}, which {type(part).__name__} has not")


def _counts(health: TrainingHealth) -> dict[str, Any]:
    return {
        "packages_collected": health.collected,
        "mean_completeness": health.mean_completeness,
        "packages_refused": dict(health.refused_by),
        "rapid_changes": health.rapid,
        "outcomes_validated": health.validated,
        "outcomes_waiting": health.waiting,
        "outcomes_incomplete": dict(health.incomplete_by),
        "experiences": health.experiences,
        "sessions": {training.agent: training.sessions for training in health.trainings},
        "steps": {training.agent: training.steps for training in health.trainings},
    }


def _waiting(health: TrainingHealth) -> dict[str, str]:
    return {need.agent: f"{need.have:,}/{need.needed:,}" for need in health.needs if not need.is_met}
