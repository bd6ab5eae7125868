"""A world of waves, in which models that have learned to see turning points favour the sides entered there.

Price rises for twelve bars and falls for thirteen, with noise, so that the last bars tell where it turns. The
champions are what training made of the first bars; trades are entered in the later ones.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from cointrader.settings import Settings
from cointrader.training.collecting.history import collect_history
from cointrader.training.outcomes.settle import settle_series
from cointrader.training.session import train_agent
from cointrader.training.setup_source import states_at
from models.candle_series import PlainCandles
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.market import MINUTES_5, START_MS
from tests.cointrader.training.stored_candles import store_candles

SYMBOLS = ("BTC/USDT", "ETH/USDT")
RISING, FALLING = 12, 13
PERIOD = RISING + FALLING
SLOPE, NOISE = 4e-3, 3e-4
LEARNED_BARS = 1_500
CNN = {
    "steps": "250", "batch_size": "64", "window_bars": "16", "channels": "8", "hidden": "8",
    "evaluate_rows": "256",
}  # fmt: skip
DQN = {"steps": "400", "hidden": "16", "evaluate_every": "100"}


def waves(bars: int, seed: int, symbol: str) -> PlainCandles:
    """Bars of five minutes; the same seed gives the same first bars however many are asked for."""
    shock, *reach = np.random.default_rng(seed).normal(0.0, NOISE, (bars, 3)).T
    phase = np.arange(bars) % PERIOD
    level = np.where(phase <= RISING, phase / RISING, (PERIOD - phase) / FALLING)
    close = 100.0 * np.exp(SLOPE * RISING * level + shock)
    opened = np.concatenate([close[:1], close[:-1]])
    return PlainCandles(
        symbol=symbol,
        timeframe_ms=MINUTES_5,
        close_ms=START_MS + MINUTES_5 * np.arange(1, bars + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * np.exp(np.abs(reach[0])),
        low=np.minimum(opened, close) / np.exp(np.abs(reach[1])),
        close=close,
        volume=np.ones(bars),
    )


def trough(number: int) -> int:
    """The bar of the n-th turn upwards."""
    return number * PERIOD


def peak(number: int) -> int:
    """The bar of the n-th turn downwards."""
    return number * PERIOD + RISING


def wave_workspace(root: Path) -> Workspace:
    """Setups of the first bars collected, and CNN and DQN trained on them."""
    made = Workspace(root).create()
    settings = Settings()
    with closing(open_database(made)) as connection:
        for seed, symbol in enumerate(SYMBOLS, start=1):
            series = waves(LEARNED_BARS, seed, symbol)
            store_candles(made, connection, series)
            collect_history(made, connection, series, settings)
            settle_series(connection, series, settings, lambda places: states_at(made, connection, places))
    for agent, params in (("cnn", CNN), ("dqn", DQN)):
        train_agent(made, agent, params, seed=1)
    return made
