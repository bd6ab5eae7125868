"""A workspace with candles of a coin, and the setups and outcomes that a collection found in them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from cointrader.settings import Settings
from cointrader.training.collecting.history import collect_history
from cointrader.training.outcomes.settle import settle_series
from cointrader.training.setup_source import states_at
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk

SMALL_CNN = {
    "steps": "60",
    "batch_size": "32",
    "window_bars": "16",
    "channels": "8",
    "hidden": "8",
    "evaluate_rows": "128",
    "patience": "1000",
}


def walked_workspace(root: Path, provenance: str = "import", bars: int = 8_000) -> Workspace:
    """A random walk whose moves are large enough that one setup in ten pays."""
    made = Workspace(root).create()
    settings = Settings()
    with closing(open_database(made)) as connection:
        series = random_walk(bars, seed=3, deviation=3e-3)
        store_candles(made, connection, series, provenance=provenance)
        collect_history(made, connection, series, settings)
        settle_series(connection, series, settings, lambda places: states_at(made, connection, places))
    return made
