"""What the champions say of a side at a bar: probabilities, or why there are none.

Nothing is made up: a model that is not there, or that cannot see enough, has no opinion, and the reason is
told. What is shown to a model are the stored bars up to the one that is decided on.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cointrader.trading.model_id import ModelId
from cointrader.training.close_training.entries import ACTIONS, EntryBar, EntryBars
from cointrader.training.source import WorkspaceSource
from models import registry
from models.errors import ModelError
from models.one_thread import one_thread
from storage.artifact_rows import find_artifact
from storage.database import joined_transaction
from storage.errors import StorageError
from storage.events import record_event
from storage.vault import load_artifact
from storage.workspace import Workspace

logger = logging.getLogger(__name__)

DISABLED = "CRITICAL: Enhanced training system not available - predictions disabled. NEVER use mock data."
SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Opinions:
    """The probability of a side by model, and why others have none."""

    probability: Mapping[ModelId, float] = field(default_factory=dict)
    absent: Mapping[ModelId, str] = field(default_factory=dict)


@dataclass
class _Champion:
    artifact_id: int
    model: Any


class Champions:
    """The deciding version of each model, loaded when it is first asked and again when it is another one."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace, self._connection = workspace, connection
        self._loaded: dict[ModelId, _Champion] = {}
        self._told: dict[ModelId, str] = {}

    def model(self, model: ModelId) -> Any | None:
        """The model, or None where there is none; `reason` says why then."""
        row = find_artifact(self._connection, model)
        if row is None:
            self._miss(model, f"no version of {model} decides yet")
            return None
        if row.provenance == SYNTHETIC:
            self._miss(model, f"{model} v{row.version} learned from synthetic data")
            return None
        known = self._loaded.get(model)
        if known is None or known.artifact_id != row.id:
            try:
                stored = load_artifact(self._workspace, self._connection, model, row.version)
                known = _Champion(row.id, registry.load(model).load(stored.files))
            except (ModelError, StorageError, ImportError) as error:
                self._miss(model, f"{model} v{row.version} cannot be loaded: {error}")
                return None
            self._loaded[model] = known
        self._told.pop(model, None)
        return known.model

    def load_all(self) -> None:
        """Load what there is now, so that the first decision does not wait for it."""
        for model in ModelId:
            self.model(model)

    def reason(self, model: ModelId) -> str:
        """Why a model is missing; empty while it is there."""
        return self._told.get(model, "")

    def _miss(self, model: ModelId, reason: str) -> None:
        if self._told.get(model) != reason:
            logger.critical("%s %s: %s", DISABLED, model.label, reason)
            self._told[model] = reason
            with joined_transaction(self._connection):
                text = f"{DISABLED} {model.label}: {reason}"
                record_event(self._connection, "prediction", text, severity="error", subject=str(model))


class Panel:
    """Asks the champions about one side at one bar."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self.champions = Champions(workspace, connection)
        self.bars = EntryBars(workspace, connection)
        self._source = WorkspaceSource(workspace, connection)
        self._connection = connection
        self._workspace = workspace
        self._states: dict[tuple[str, ...], Any] = {}
        self._books: dict[str, tuple[int, Any]] = {}

    def ask(self, symbol: str, ts_ms: int, side: str, timeframe_ms: int = 0) -> Opinions:
        """The probability that each model gives `side` (long or short) at the bar that closed then."""
        probability: dict[ModelId, float] = {}
        absent: dict[ModelId, str] = {}
        for model in ModelId:
            champion = self.champions.model(model)
            if champion is None:
                absent[model] = self.champions.reason(model)
                continue
            with one_thread():
                said = self._said(model, champion, symbol, ts_ms, side, timeframe_ms)
            if said is None:
                absent[model] = _unseen(model, symbol)
            else:
                probability[model] = min(1.0, max(0.0, said))
        return Opinions(probability, absent)

    def _said(
        self, model: ModelId, champion: Any, symbol: str, ts_ms: int, side: str, timeframe_ms: int
    ) -> float | None:
        if model is ModelId.COB_RL:
            return self._of_book(champion, symbol, ts_ms, side)
        bar = self.bars.at(symbol, ts_ms, timeframe_ms)
        if bar is None:
            return None
        return _of_pivot(champion, bar, side) if model is ModelId.CNN else self._of_state(champion, bar, side)

    def _of_state(self, champion: Any, bar: EntryBar, side: str) -> float | None:
        from cointrader.training.close_training.entry_states import EntryStates
        from models.dqn.model import softmax

        names = champion.feature_names
        if names not in self._states:
            self._states[names] = EntryStates(self._workspace, self._connection, names)
        state = self._states[names].at(bar) if self._states[names].can_be_seen else None
        return None if state is None else float(softmax(champion.values(state[None]))[0, ACTIONS[side]])

    def _of_book(self, champion: Any, symbol: str, ts_ms: int, side: str) -> float | None:
        from cointrader.training.close_training.cob_lessons import book_before, books_of_symbol

        newest = self._connection.execute("SELECT coalesce(max(id), 0) FROM feed_record").fetchone()[0]
        if self._books.get(symbol, (-1, None))[0] != newest:
            self._books[symbol] = (newest, books_of_symbol(self._source, symbol))
        window = book_before(self._books[symbol][1], ts_ms, champion.params, champion.step_ms)
        if window is None:
            return None
        policy = champion.answer(window, np.array([len(window) - 1]))
        return float(policy.probability[0, ACTIONS[side]])


def _of_pivot(champion: Any, bar: EntryBar, side: str) -> float | None:
    """A buy expects a low pivot, a sell a high one."""
    from models.cnn.pivots import HIGH, LOW

    # The coarsest bars are twelve fine ones; twice as many as the window holds also fill it across gaps.
    said = champion.predict_last(bar.before(24 * (champion.params.window_bars + 3)))
    value = float(said[LOW if side == "long" else HIGH])
    return value if np.isfinite(value) else None


def _unseen(model: ModelId, symbol: str) -> str:
    if model is ModelId.COB_RL:
        return f"no order book of {symbol} is recorded up to that moment"
    return f"the candles of {symbol} before that moment are too few or have a gap"
