"""The training system inside a program of one's own: its data, decisions, trades, CNN and RL agent.

    python -m examples.own_components --workspace some/folder

Every part below is a plain class; nothing of ours is inherited. The market is real (the bundled candles of
BTC/USDT), played as if its bars came in now, and stored as `playback`. What the program decides is simple on
purpose: buy when a fast average crosses above a slow one, leave an hour later.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cointrader.data_feeds.candle_import import read_candle_file
from cointrader.data_feeds.sample import sample_files
from cointrader.training.cnn_training_pipeline import CNNTrainer
from cointrader.training.enhanced_training_integration import (
    EnhancedTrainingConfig,
    EnhancedTrainingIntegration,
)
from cointrader.training.integrating.components import Decision, FinishedTrade
from cointrader.training.rl_training_pipeline import RLLoss, RLTrainer, TensorBatch
from models.candle_series import CandleSeries, truncate
from models.dqn.cross_features import CROSS_NAMES
from models.rl_state import STATE_NAMES
from storage.workspace import Workspace

SYMBOL = "BTC/USDT"
HOLD_BARS = 12
EQUITY, NOTIONAL = 10_000.0, 1_000.0
COST = 24e-4  # fees and slippage of the round trip, as a fraction of the notional


class Feed:
    """The program's data: the closed bars so far. `show` lets more of them close."""

    symbols = (SYMBOL,)
    provenance = "playback"

    def __init__(self, series: CandleSeries, shown: int) -> None:
        self.series, self.shown = series, shown

    def candles(self, symbol: str) -> CandleSeries:
        return truncate(self.series, self.shown)

    def show(self, bars: int) -> None:
        self.shown = min(len(self.series.close_ms), self.shown + bars)


class Crossover:
    """The program's decisions: long at a close where the average of 12 bars rises above that of 48."""

    def __init__(self, feed: Feed) -> None:
        close = feed.series.close
        sums = np.concatenate(([0.0], np.cumsum(close)))
        above = np.zeros(len(close), dtype=bool)
        above[47:] = (sums[48:] - sums[36:-12]) / 12 > (sums[48:] - sums[:-48]) / 48
        crossed = np.flatnonzero(above[1:] & ~above[:-1]) + 1
        self.bars = {int(feed.series.close_ms[bar]): int(bar) for bar in crossed}

    def decision(self, symbol: str, ts_ms: int) -> Decision | None:
        return Decision("long") if ts_ms in self.bars else None


class Executor:
    """The program's trades: bought at the open after the decision, sold an hour later."""

    def __init__(self, feed: Feed, crossover: Crossover) -> None:
        self.feed, self.crossover = feed, crossover

    def closed_trades(self, after_ms: int) -> Sequence[FinishedTrade]:
        series, shown = self.feed.series, self.feed.shown
        trades = []
        for signal_ms, bar in self.crossover.bars.items():
            end = bar + 1 + HOLD_BARS
            if end >= shown or int(series.close_ms[end - 1]) <= after_ms:
                continue
            moved = float(series.open[end] / series.open[bar + 1] - 1.0)
            trades.append(
                FinishedTrade(
                    symbol=SYMBOL,
                    side="long",
                    signal_ms=signal_ms,
                    opened_ms=signal_ms,
                    closed_ms=int(series.close_ms[end - 1]),
                    pnl=NOTIONAL * (moved - COST),
                    notional=NOTIONAL,
                    equity=EQUITY,
                )
            )
        return trades


class SmallNetwork(nn.Module):
    """The program's CNN; `models.cnn.own_network` says what goes in and what has to come out."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv1d(18, 16, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4))
        self.heads = nn.Linear(64, 5)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scales, batch, channels, bars = windows.shape
        seen = windows.transpose(0, 1).reshape(batch, scales * channels, bars)
        answers = self.heads(self.trunk(seen).flatten(1))
        return answers[:, :3], answers[:, 3], answers[:, 4]


class LinearAgent:
    """The program's RL agent: what each action is worth, as a linear function of the state.

    A state is what the market looked like (`STATE_NAMES`), and what a CNN said of it where one may be asked.
    """

    def __init__(self) -> None:
        self.network = nn.Linear(len(STATE_NAMES) + len(CROSS_NAMES), 3)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-3, foreach=True)
        self.followers: Mapping[str, str] = {}

    def loss(self, batch: TensorBatch) -> RLLoss:
        with torch.no_grad():
            later = self.network(batch.next_state).amax(1)
            wanted = batch.reward + 0.99 * (1.0 - batch.terminated) * later
        worth = self.network(batch.state).gather(1, batch.action[:, None])[:, 0]
        error = worth - wanted
        return RLLoss((batch.weight * error.square()).mean(), error)

    def values(self, states: Tensor) -> Tensor:
        worth: Tensor = self.network(states)
        return worth

    def after_step(self, step: int) -> bool:
        return False


def run(workspace: Workspace, bars: int, patience_seconds: float = 300.0) -> dict[str, object]:
    """Play `bars` bars and train both models once; returns the statistics at the end."""
    btc = next(path for path in sample_files() if "BTC" in path.name)
    feed = Feed(truncate(read_candle_file(btc).candles, bars), shown=bars // 2)
    crossover = Crossover(feed)
    torch.manual_seed(1)
    integration = EnhancedTrainingIntegration(
        feed,
        crossover,
        Executor(feed, crossover),
        EnhancedTrainingConfig(collection_interval=0.1),
        cnn_trainer=CNNTrainer(SmallNetwork(), workspace, {"steps": 60, "max_rows": 20_000}),
        rl_trainer=RLTrainer(LinearAgent(), workspace, {"steps": 300}),
        workspace=workspace,
    )
    integration.start_enhanced_integration()
    deadline = time.monotonic() + patience_seconds
    told = integration.get_integration_statistics()
    while time.monotonic() < deadline and not {"cnn", "dqn"} <= set(told["sessions"]):
        feed.show(200)
        time.sleep(0.5)
        told = integration.get_integration_statistics()
    integration.stop_enhanced_integration(timeout=patience_seconds)
    return integration.get_integration_statistics()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True, help="a folder of its own")
    parser.add_argument("--bars", type=int, default=20_000, help="bars of the sample that are played")
    given = parser.parse_args()
    print(json.dumps(run(Workspace(given.workspace).create(), given.bars), indent=1))


if __name__ == "__main__":
    main()
