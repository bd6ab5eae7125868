"""The training system one turn at a time, for a program that brings its own clock.

    integration = TrainingIntegration(provider)
    integration.collect()      # new bars become setups
    integration.validate()     # setups whose horizon has passed get their outcome, and become experiences
    integration.train()        # what has enough to learn from is trained

Nothing is computed from bars that the provider has not shown yet.
"""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
from collections import Counter
from dataclasses import dataclass

import numpy as np

from cointrader.data_feeds.bar_store import store_bars
from cointrader.data_feeds.data_provider import CandleProvider
from cointrader.settings import Settings, load_settings
from cointrader.training.collecting.history import collect_history
from cointrader.training.collecting.moments import NO_SIGNAL, Signals
from cointrader.training.integrating.components import (
    EpisodeTrainer,
    ExperienceTrainer,
    FinishedTrade,
    Orchestrator,
    TradingExecutor,
)
from cointrader.training.integrating.trades import learn_trades
from cointrader.training.outcomes.settle import Settled, settle_series
from cointrader.training.outcomes.validate import OutcomeTerms
from cointrader.training.replaying.errors import WaitingForEpisodes
from cointrader.training.setup_source import states_at
from models import registry
from models.candle_series import CandleSeries
from models.errors import NotEnoughRows
from storage import jobs as queue
from storage.candles import candle_record
from storage.database import open_database
from storage.workspace import Workspace, resolve_workspace

SOURCE_NAME = "a running program"
SYNTHETIC = "synthetic"
REMEMBERED_TRADES = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a turn of training came to for one agent: `what` is done, queued, waiting or failed."""

    agent: str
    what: str
    words: str


class TrainingIntegration:
    """Collects, validates and trains on what a program shows; use it from one thread, and `close` it.

    `orchestrator` and `executor` say what was decided and how trades ended; `cnn` and `rl` train models of
    the program, without which ours are trained as jobs of the workspace's queue.
    """

    def __init__(
        self,
        provider: CandleProvider,
        *,
        orchestrator: Orchestrator | None = None,
        executor: TradingExecutor | None = None,
        cnn: EpisodeTrainer | None = None,
        rl: ExperienceTrainer | None = None,
        workspace: Workspace | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._provider, self._orchestrator, self._executor = provider, orchestrator, executor
        self._cnn, self._rl = cnn, rl
        self.workspace = workspace or resolve_workspace()
        self._settings = settings or load_settings(self.workspace.config)
        self._connection: sqlite3.Connection = open_database(self.workspace)
        self._seen_ms: dict[str, int] = {}
        self._trades: list[FinishedTrade] = []
        self._trained_at: Counter[str] = Counter()

    def close(self) -> None:
        """Let the workspace go."""
        self._connection.close()

    def collect(self) -> int:
        """Takes the bars that are new since the last turn; returns how many setups came of them.

        Raises what a bar is refused with (BadCandles, CandleFileError), after the other symbols' turn.
        """
        collected, refused = 0, None
        for symbol in self._provider.symbols:
            try:
                collected += self._collect(self._provider.candles(symbol))
            except ValueError as error:
                refused = error
        if refused is not None:
            raise refused
        return collected

    def _collect(self, series: CandleSeries) -> int:
        if not len(series.close_ms) or int(series.close_ms[-1]) <= self._seen_ms.get(series.symbol, -1):
            return 0
        self._store(series)
        report = collect_history(
            self.workspace,
            self._connection,
            series,
            self._settings,
            self._decisions(series),
            self._seen_ms.get(series.symbol, -1),
            # What is stored of the series may be real; what is made up stays so.
            provenance=SYNTHETIC if self._provider.provenance == SYNTHETIC else "",
        )
        self._seen_ms[series.symbol] = int(series.close_ms[-1])
        return report.collected

    def _store(self, series: CandleSeries) -> None:
        """Bars of the program's own become candles of the workspace: outcomes can be computed again.

        Made-up bars are never added to real ones, nor real ones to made-up ones: CandleFileError.
        """
        kept = candle_record(self._connection, series.symbol, series.timeframe_ms)
        if kept is not None and kept.last_close_ms >= int(series.close_ms[-1]):
            return
        provenance = self._provider.provenance
        if kept is not None and SYNTHETIC not in (provenance, kept.provenance):
            provenance = kept.provenance
        store_bars(self.workspace, self._connection, series, source_name=SOURCE_NAME, provenance=provenance)

    def _decisions(self, series: CandleSeries) -> Signals | None:
        """What the orchestrator decided at the new bars; None lets the stored signals be read."""
        if self._orchestrator is None:
            return None
        first = int(np.searchsorted(series.close_ms, self._seen_ms.get(series.symbol, -1), side="right"))
        moments = [int(moment) for moment in series.close_ms[first:]]
        told = [(moment, self._orchestrator.decision(series.symbol, moment)) for moment in moments]
        made = [(moment, decision) for moment, decision in told if decision is not None]
        return Signals(
            ts_ms=np.array([moment for moment, _ in made], dtype=np.int64),
            id=np.full(len(made), NO_SIGNAL, dtype=np.int64),
            side=np.array([1 if decision.side == "long" else -1 for _, decision in made], dtype=np.int8),
            accepted=np.array([decision.accepted for _, decision in made], dtype=np.bool_),
        )

    def validate(self) -> Settled:
        """Outcomes of setups whose horizon has passed, and experiences of those and of closed trades."""
        totals = Settled()
        for symbol in self._provider.symbols:
            series = self._provider.candles(symbol)
            if not len(series.close_ms):
                continue
            settled = settle_series(
                self._connection,
                series,
                self._settings,
                lambda places: states_at(self.workspace, self._connection, places),
            )
            totals = _added(totals, settled)
        learned = self._learn_trades()
        return dataclasses.replace(totals, experiences=totals.experiences + learned)

    def _learn_trades(self) -> int:
        """The last trades are tried again until their setup is validated; none is learned from twice."""
        if self._executor is None:
            return 0
        newest_ms = self._trades[-1].closed_ms if self._trades else -1
        self._trades += sorted(self._executor.closed_trades(newest_ms), key=lambda trade: trade.closed_ms)
        trades = self._trades = self._trades[-REMEMBERED_TRADES:]
        training = self._settings.training
        terms = OutcomeTerms.of(training.horizon_minutes, training.cost_bps, training.score_unit_bps)
        learned = 0
        for symbol in sorted({trade.symbol for trade in trades}):
            series = self._provider.candles(symbol)
            lineage = self._provider.provenance
            learned += learn_trades(self._connection, series, trades, terms, lineage)
        return learned

    def train(self) -> list[Trained]:
        """One turn of training: what has gathered enough since its last is trained, the rest waits.

        Our own agents are trained by the workspace's worker; the jobs are queued here and not waited for. One
        that fails tries again when as much has come in once more.
        """
        training = self._settings.training
        return [
            self._train("cnn", self._episodes(), training.min_episodes_for_cnn_training),
            self._train("dqn", self._experiences(), training.min_experiences_for_rl_training),
        ]

    def _train(self, agent: str, have: int, needed: int) -> Trained:
        new = have - self._trained_at[agent]
        if new < needed:
            return Trained(agent, "waiting", f"{new:,}/{needed:,}")
        self._trained_at[agent] = have
        own = self._cnn if agent == "cnn" else self._rl
        try:
            return self._train_own(agent) if own is not None else self._queue(agent)
        except Exception as error:
            # Somebody's own model may raise anything; the other agents have their turn all the same.
            log.exception("training %s failed", agent)
            return Trained(agent, "failed", f"{type(error).__name__}: {error}")

    def _train_own(self, agent: str) -> Trained:
        """Trains on each symbol that has enough by itself; one that has not does not keep the others."""
        trained: list[str] = []
        waiting: list[str] = []
        for symbol in self._provider.symbols:
            try:
                self._train_symbol(agent, symbol)
                trained.append(symbol)
            except (WaitingForEpisodes, NotEnoughRows) as few:
                waiting.append(f"{symbol}: {few}")
        done = [f"trained on {', '.join(trained)}"] if trained else []
        return Trained(agent, "done" if trained else "waiting", "; ".join([*done, *waiting]))

    def _train_symbol(self, agent: str, symbol: str) -> None:
        if agent == "cnn" and self._cnn is not None:
            least = self._settings.training.min_profitability_for_replay
            self._cnn.train_on_profitable_episodes(symbol, min_profitability=least)
        elif self._rl is not None:
            self._rl.train_on_experiences(symbol)

    def _queue(self, agent: str) -> Trained:
        job_id = queue.enqueue(
            self._connection,
            kind="train",
            title=f"Train {agent}",
            arguments={"agent": agent, "params": {"symbols": ",".join(self._provider.symbols)}, "seed": 0},
            slot=registry.get(agent).slot,
        )
        return Trained(agent, "queued", f"queued as job {job_id}")

    def _episodes(self) -> int:
        query = "SELECT count(*) FROM setup WHERE state = 'validated' AND extreme <> 0"
        return int(self._connection.execute(query).fetchall()[0][0])

    def _experiences(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM experience").fetchall()[0][0])


def _added(one: Settled, other: Settled) -> Settled:
    return Settled(
        validated=one.validated + other.validated,
        waiting=one.waiting + other.waiting,
        incomplete=one.incomplete + other.incomplete,
        experiences=one.experiences + other.experiences,
        reasons={**one.reasons, **other.reasons},
    )
