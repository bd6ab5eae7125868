"""Closes of elsewhere, of a bot or of positions taken over: they teach where the operator says so.

Nobody here decided on them, so that no share of a decision is known: each of the k models that decide now
learns from such a close with the weight 1/k. The state of its entry is that of the stored bars at that
moment; where there are none the lesson is skipped with that reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from cointrader.settings import TrainingSettings
from cointrader.trading.close_record import record_foreign_close
from cointrader.trading.model_id import ModelId
from storage.artifact_rows import find_artifact
from storage.closes import closes_without_lessons, newest_position_change
from storage.database import transaction

FOREIGN = frozenset({"adopted", "import"})
BATCH = 256
"""Closes of one transaction."""


def deciding_models(connection: sqlite3.Connection) -> list[ModelId]:
    """The models of which a version decides now."""
    return [model for model in ModelId if find_artifact(connection, model) is not None]


class ForeignCloses:
    """Closes of elsewhere that may teach and have no lessons yet; what was looked at once is known."""

    def __init__(self, connection: sqlite3.Connection, settings: TrainingSettings) -> None:
        self._connection = connection
        self._origins = settings.teaching_origins & FOREIGN
        self._looked_rev = -1

    def wait(self) -> bool:
        """Whether there are any, and a model to learn from them."""
        if not self._origins:
            return False
        newest = newest_position_change(self._connection)
        if newest == self._looked_rev:
            return False
        if not self._found(1):
            self._looked_rev = newest
            return False
        return bool(deciding_models(self._connection))

    def file(self, say: Callable[[str], None]) -> int:
        """File their lessons; returns of how many closes. Without a model that decides they wait."""
        if not self._origins or not (models := deciding_models(self._connection)):
            return 0
        newest = newest_position_change(self._connection)
        weights = dict.fromkeys(models, 1.0 / len(models))
        filed = 0
        while newest != self._looked_rev and (found := self._found(BATCH)):
            with transaction(self._connection):
                for position_id, close_number in found:
                    record_foreign_close(
                        self._connection, position_id, close_number, weights, _nobody_decides
                    )
            filed += len(found)
        self._looked_rev = newest
        if filed:
            told, weight = " and ".join(sorted(self._origins)), 1.0 / len(models)
            say(f"{filed:,} closes of origin {told} teach each model that decides with weight {weight:.2f}")
        return filed

    def _found(self, limit: int) -> list[tuple[int, int]]:
        return closes_without_lessons(self._connection, self._origins, limit, after_rev=self._looked_rev)


def _nobody_decides(model: ModelId, symbol: str) -> str:
    return f"no version of {model} decides yet"
