"""A workspace with one small session of the CNN in it, every step of which is journalled."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from cointrader.settings import JournalSettings, Settings
from cointrader.training.session import train_agent
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk

STEPS = 60
SNAPSHOT_STEPS = 25
SMALL_CNN = {
    "steps": STEPS,
    "batch_size": 32,
    "window_bars": 16,
    "channels": 8,
    "hidden": 8,
    "evaluate_every": 10,
    "evaluate_rows": 128,
    "patience": 1_000,
}


def journalled_workspace(root: Path) -> Workspace:
    """Session 1 has `STEPS` steps and a snapshot every `SNAPSHOT_STEPS`."""
    made = Workspace(root).create()
    with closing(open_database(made)) as connection:
        store_candles(made, connection, random_walk(3_000, seed=1))
    settings = Settings(journal=JournalSettings(snapshot_steps=SNAPSHOT_STEPS))
    train_agent(made, "cnn", SMALL_CNN, seed=5, settings=settings)
    return made
