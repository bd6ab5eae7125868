"""The decision gate: a signal that the agent `decision` holds for unlikely to pay goes no further.

Asked is the version that decides. It sees what it learned from: the signal, what else the account holds, the
market's unrest, and what signals of this kind came to that had closed before. Without a version, or with one
that learned from synthetic data, the gate says so and lets pass; one that cannot be read or asked refuses,
as an agent that fails does. No torch is loaded.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cointrader.core.agent_answers import Response
from cointrader.core.memory.record_text import clean_text
from storage.agent_responses import Answer
from storage.artifact_rows import find_artifact
from storage.candles import Candles
from storage.database import joined_transaction
from storage.decision_answers import Said, write_said
from storage.errors import DatabaseLocked, DiskFull, StorageError
from storage.events import record_event
from storage.vault import load_artifact
from storage.workspace import Workspace

if TYPE_CHECKING:
    from models.decision.closed_signals import AskedSignals
    from models.decision.model import Decision

logger = logging.getLogger(__name__)

AGENT: Literal["decision"] = "decision"
OFF, SHADOW = "off", "shadow"
SYNTHETIC = "synthetic"
SEEN_BARS = 1_200
"""The last bars that the features depend on, and some more."""


@dataclass(frozen=True)
class Question:
    """A signal as the gate is asked about it; `side` is 1 long, -1 short, 0 unknown.

    `confidence` and `exposure`, the share of equity that other positions hold, are NaN where unknown.
    """

    ts_ms: int
    symbol: str
    strategy: str
    side: int
    confidence: float = math.nan
    exposure: float = math.nan

    @property
    def asked(self) -> AskedSignals:
        """The same as columns of one row."""
        from models.decision.closed_signals import AskedSignals

        return AskedSignals(
            ts_ms=np.array([self.ts_ms], np.int64),
            symbol=(self.symbol,),
            strategy=(self.strategy,),
            side=np.array([self.side], np.int64),
            confidence=np.array([self.confidence], np.float64),
            exposure=np.array([self.exposure], np.float64),
        )


class DecisionGate:
    """Asks the version that decides; it is loaded at the first question, and again when another decides."""

    def __init__(self, workspace: Workspace, mode: str, threshold: float) -> None:
        """`mode` is off, shadow or on."""
        self._workspace = workspace
        self.mode, self.threshold = mode, threshold
        self._loaded: tuple[int, Decision] | None = None
        self._told = ""

    @property
    def is_asked(self) -> bool:
        """Whether there is a gate at all."""
        return self.mode != OFF

    def ask(
        self, connection: sqlite3.Connection, question: Question, candles: Candles | None = None
    ) -> Response:
        """What the gate says; `candles` end with the bar of the signal. Nothing of the answer is stored."""
        started = time.perf_counter_ns()
        row = find_artifact(connection, AGENT)
        if row is None or row.provenance == SYNTHETIC:
            reason = f"no version of {AGENT} decides yet: the signal passes"
            if row is not None:
                reason = f"{AGENT} v{row.version} learned from synthetic data: the signal passes"
            self._complain(connection, reason)
            return Response(AGENT, "absent", reason, _micros(started))
        try:
            model = self._model(connection, row.id, row.version)
            probability = _chance(model, connection, question, candles)
        except (sqlite3.Error, DatabaseLocked, DiskFull):
            raise  # nobody can decide now, and nobody has: that is no answer
        # Whatever a model raises, a gate that cannot say yes says no.
        except Exception as error:
            reason = clean_text(f"{AGENT} v{row.version}: {type(error).__name__}: {error}")[:500]
            self._complain(connection, reason)
            return Response(AGENT, "failed", reason, _micros(started))
        self._told = ""
        said = Said(probability, self.threshold, row.version, shadow=self.mode == SHADOW)
        unlikely: Answer = "warned" if said.shadow else "vetoed"
        answer = "approved" if probability >= self.threshold else unlikely
        return Response(
            AGENT, answer, write_said(said), _micros(started), limit=self.threshold, actual=probability
        )

    def _model(self, connection: sqlite3.Connection, artifact_id: int, version: int) -> Decision:
        from models.decision.model import load

        if self._loaded is None or self._loaded[0] != artifact_id:
            stored = load_artifact(self._workspace, connection, AGENT, version)
            self._loaded = (artifact_id, load(stored.files))
        return self._loaded[1]

    def _complain(self, connection: sqlite3.Connection, reason: str) -> None:
        """Say once what is missing; again when something else is."""
        if reason == self._told:
            return
        self._told = reason
        logger.warning("decision gate: %s", reason)
        try:
            with joined_transaction(connection):
                record_event(connection, "prediction", f"decision gate: {reason}", severity="warning")
        except StorageError as error:
            logger.warning("decision gate: its complaint could not be kept: %s", error)


def _chance(
    model: Decision, connection: sqlite3.Connection, question: Question, candles: Candles | None
) -> float:
    """The chance that the signal pays. Raises ValueError for a number that is none."""
    from cointrader.training.closed_source import read_closed_before

    params = model.params
    seen = []
    if candles is not None and params.timeframe_minutes * 60_000 in (0, candles.timeframe_ms):
        seen = [candles.cut(max(0, len(candles) - SEEN_BARS), len(candles))]
    past = read_closed_before(
        connection, question.ts_ms, question.strategy, question.symbol, params.trailing_closes
    )
    chance = float(model.predict_signals(question.asked, past, seen)[0, 1])
    if not 0.0 <= chance <= 1.0:
        raise ValueError(f"{chance} is no probability")
    return chance


def _micros(started: int) -> int:
    return (time.perf_counter_ns() - started) // 1_000
