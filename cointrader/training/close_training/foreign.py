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
from storage.closes import closes_without_lessons
from storage.database import transaction

FOREIGN = frozenset({"adopted", "import"})
BATCH = 256
"""Closes of one transaction."""


def deciding_models(connection: sqlite3.Connection) -> list[ModelId]:
    """The models of which a version decides now."""
    return [model for model in ModelId if find_artifact(connection, model) is not None]


def closes_wait(connection: sqlite3.Connection, settings: TrainingSettings) -> bool:
    """Whether such closes may teach and have no lessons yet, and a model is there to learn from them."""
    origins = settings.teaching_origins & FOREIGN
    return bool(origins and closes_without_lessons(connection, origins, 1) and deciding_models(connection))


def file_foreign_closes(
    connection: sqlite3.Connection, settings: TrainingSettings, say: Callable[[str], None]
) -> int:
    """File the lessons of closes of elsewhere that may teach and have none; returns of how many closes."""
    origins, models = settings.teaching_origins & FOREIGN, deciding_models(connection)
    if not origins or not models:
        return 0
    weights = dict.fromkeys(models, 1.0 / len(models))
    filed = 0
    while found := closes_without_lessons(connection, origins, BATCH):
        with transaction(connection):
            for position_id, close_number in found:
                record_foreign_close(connection, position_id, close_number, weights, _nobody_decides)
        filed += len(found)
    if filed:
        told = " and ".join(sorted(origins))
        say(
            f"{filed:,} closes of origin {told} teach each model that decides with weight {1 / len(models):.2f}"
        )
    return filed


def _nobody_decides(model: ModelId, symbol: str) -> str:
    return f"no version of {model} decides yet"
