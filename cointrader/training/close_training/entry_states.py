"""The state of an entry as the DQN sees it: twenty numbers of the bars, and what the CNN said of them.

A decision and the lesson that comes of it see the state through the same lines, so they see the same numbers.
Of the CNN only versions are asked that had learned nothing of the moment yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cointrader.training.close_training.entries import EntryBar
from cointrader.training.cross_model import CLASSES, Version, versions_of
from models.dqn.cross_features import CROSS_NAMES
from models.rl_state import STATE_NAMES, rl_states
from storage.workspace import Workspace


class EntryStates:
    """States at entries, of the numbers that a model reads; those of the bars are computed once a series."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection, names: Sequence[str]) -> None:
        self._workspace, self._connection, self._names = workspace, connection, tuple(names)
        self._known: dict[tuple[str, int], NDArray[np.float32]] = {}
        self._versions: tuple[int, list[Version]] = (-1, [])
        self.cut_offs: dict[int, int] = {}
        """Until when the versions of the CNN that were asked had learned, by number."""

    @property
    def can_be_seen(self) -> bool:
        """Whether every number that the model reads is known here."""
        return set(self._names) <= {*STATE_NAMES, *CROSS_NAMES}

    def at(self, bar: EntryBar) -> NDArray[np.float32] | None:
        """(features,), None in the first bars of a series."""
        series = bar.series
        key = (series.symbol, series.timeframe_ms)
        if key not in self._known or len(self._known[key]) != len(series):
            self._known[key] = rl_states(series)
        numbers = dict(zip(STATE_NAMES, self._known[key][bar.row].tolist(), strict=True))
        if not set(self._names) <= numbers.keys():
            numbers |= dict(zip(CROSS_NAMES, self._of_cnn(bar), strict=True))
        state = np.array([numbers[name] for name in self._names], np.float32)
        return state if np.isfinite(state).all() else None

    def _of_cnn(self, bar: EntryBar) -> list[float]:
        """P(none), P(high), P(low), 1, or zeros where no version can be asked."""
        moment = int(bar.series.close_ms[bar.row])
        for version in self._cnn():
            if moment > version.learned_until_ms:
                said = version.model.predict_last(bar.before(24 * (version.model.params.window_bars + 3)))
                if np.isfinite(said).all():
                    self.cut_offs[version.number] = version.learned_until_ms
                    return [*said.tolist(), 1.0]
                break
        return [0.0] * (CLASSES + 1)

    def _cnn(self) -> list[Version]:
        """The versions of the CNN, read again when there are others."""
        query = "SELECT coalesce(max(id), 0) FROM artifact WHERE agent = 'cnn'"
        newest = int(self._connection.execute(query).fetchone()[0])
        if self._versions[0] != newest:
            self._versions = (newest, versions_of(self._workspace, self._connection, "cnn"))
        return self._versions[1]
