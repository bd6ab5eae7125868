"""Train on a file of candles, without a workspace: for a look at an agent, and for scripts.

Nothing is stored; whoever wants a version in the vault imports the file and trains a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cointrader.data_feeds.candle_reading import read_candle_file
from models.base import Metrics, Run, SignalRows
from models.candle_series import CandleSeries
from models.memory_run import MemoryRun
from models.signal_classifier import agent
from models.signal_classifier.model import SignalClassifier
from models.signal_classifier.params import SignalClassifierParams


@dataclass(frozen=True)
class _OneSeries:
    """A training source that holds one series and no signals."""

    series: CandleSeries
    provenance: str = "import"

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        return [self.series]

    def signals(self) -> SignalRows:
        return SignalRows(np.empty(0, dtype=np.int64), ())


def train_from_csv(
    path: Path | str,
    params: SignalClassifierParams | None = None,
    *,
    symbol: str | None = None,
    run: Run | None = None,
) -> tuple[SignalClassifier, Metrics]:
    """The signal classifier fitted on every bar of a candle file, with its out-of-fold metrics.

    `path` is any file that can be imported (CSV in a known dialect, gzip, Feather); `symbol` is needed
    where neither the file nor its name says it. Raises CandleFileError naming file, line and field, and
    NotEnoughRows below 2,000 labelled bars.
    """
    chosen = params or SignalClassifierParams(sample="bars")
    reading = read_candle_file(path, symbol=symbol)
    dataset = agent.dataset(_OneSeries(reading.candles), chosen)
    model = agent.fit(dataset, chosen, run or MemoryRun())
    return model, agent.evaluate(model, dataset)
