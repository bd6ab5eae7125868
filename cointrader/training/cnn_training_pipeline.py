"""Training the CNN from a program: sessions, their steps whole, and the replay of profitable episodes.

Everything here is the workspace's own: what a `CNNTrainer` trains is a session like any other, journalled
step by step, judged on rows that it never saw, shown in the console, rebuilt by `cointrader step rebuild`.

    trainer = CNNTrainer(workspace="...")                 # our network
    trainer = CNNTrainer(my_module, workspace="...")      # any torch module, see models.cnn.own_network
    session = trainer.train("BTC/USDT")
    replay = trainer.train_on_profitable_episodes("BTC/USDT", min_profitability=0.7, max_episodes=500)
    print(replay.words)  # no better than its control out of sample (+0.0040, within 3 standard errors ...)
    trainer.step(replay.session.session_id, 40).gradients()

Training on what paid alone teaches a model what paying looks like afterwards, not beforehand. So each such
replay has an unfiltered control beside it, and its result is only ever told together with that.
"""

from __future__ import annotations

import copy
import dataclasses
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from cointrader.settings import Settings, load_settings
from cointrader.training.cnn_sessions import CNNTrainingSession, CNNTrainingStep, read_session, read_step
from cointrader.training.replaying.caller import Caller
from cointrader.training.replaying.pair import CONTROL, REPLAYED, begin_pair, train_pair
from cointrader.training.replaying.request import PROFITABLE_SCORE, ReplayKind, ReplayRequest
from cointrader.training.replaying.result import ReplayResult
from cointrader.training.replaying.run import ended_with
from cointrader.training.session import train_agent
from models.base import AgentModule
from models.cnn.model import CnnModel
from models.cnn.own_network import OwnCnnAgent
from models.cnn.params import CnnParams
from models.parameters import build
from storage.database import open_database
from storage.workspace import Workspace, resolve_workspace

__all__ = ["CNNTrainer", "CNNTrainingSession", "CNNTrainingStep", "ProfitableReplay"]

AGENT = "cnn"


@dataclass(frozen=True)
class ProfitableReplay:
    """A replay of profitable episodes: its session, that of its unfiltered control, and the verdict on both.

    `words` is the sentence for the operator; `result` holds the counts behind it.
    """

    session: CNNTrainingSession
    control: CNNTrainingSession
    words: str
    result: ReplayResult


class CNNTrainer:
    """Trains our CNN, or `model` in its place, on what a workspace holds.

    `model` is None for ours, or a torch module with the forward that `models.cnn.own_network` documents; that
    one is trained in place, on from the weights it has. `params` are those of the agent `cnn`, as their
    dataclass or a mapping. A workspace is a `Workspace`, a folder, or None for the one that the command line
    would use.
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        workspace: Workspace | Path | str | None = None,
        params: CnnParams | Mapping[str, Any] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.model = model
        self.workspace = workspace if isinstance(workspace, Workspace) else _workspace(workspace)
        self.params = params if isinstance(params, CnnParams) else build(CnnParams, params)
        self.settings = settings or load_settings(self.workspace.config)

    def train(self, symbol: str = "all", *, seed: int = 0) -> CNNTrainingSession:
        """Train on every episode of a symbol ("all" or a comma list), drawn uniformly.

        Raises NotEnoughRows, Diverged, and WrongAnswer for a module with another forward.
        """
        own = None if self.model is None else OwnCnnAgent(self.model)
        params = dataclasses.replace(self.params, symbols=symbol)
        trained = train_agent(self.workspace, AGENT, params, seed=seed, own=own, settings=self.settings)
        return self.session(trained.session_id)

    def train_on_profitable_episodes(
        self,
        symbol: str,
        min_profitability: float = PROFITABLE_SCORE,
        max_episodes: int = 500,
        *,
        seed: int = 0,
    ) -> ProfitableReplay:
        """Train on the most profitable episodes of a symbol alone, and on its unfiltered control beside it.

        Of the episodes in the training part with a score of at least `min_profitability` the best
        `max_episodes` are drawn, each at most 32 times. With a module of one's own the control is trained on
        a copy of it, made before. Raises WaitingForEpisodes ("waiting 63/100"), NoSetups, and what `train`
        raises.
        """
        request = ReplayRequest(
            ReplayKind.PROFITABLE,
            agent=AGENT,
            top=max_episodes,
            min_profitability=min_profitability,
            seed=seed,
            params={"symbols": symbol},
        )
        params = dataclasses.replace(self.params, symbols=symbol)
        caller = Caller(settings=self.settings)
        with self._opened() as connection:
            row = begin_pair(self.workspace, connection, request, caller, params)
            with ended_with(connection, row, caller):
                own = None if self.model is None else _OwnPair(self.model)
                result = train_pair(self.workspace, connection, row, caller, own)
            return ProfitableReplay(
                session=read_session(self.workspace, connection, result.replayed.session_id),
                control=read_session(self.workspace, connection, result.control.session_id),
                words=result.words,
                result=result,
            )

    def session(self, session_id: int) -> CNNTrainingSession:
        """A session with its convergence, its calibration and its profitability. Raises StorageError."""
        with self._opened() as connection:
            return read_session(self.workspace, connection, session_id)

    def sessions(self, limit: int = 50) -> list[CNNTrainingSession]:
        """The newest sessions of the CNN first, whoever trained them."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT id FROM session WHERE agent = ? ORDER BY id DESC LIMIT ?", (AGENT, limit)
            ).fetchall()
            return [read_session(self.workspace, connection, int(row[0])) for row in rows]

    def step(self, session_id: int, step: int) -> CNNTrainingStep:
        """One step as it was journalled. Raises StorageError when it was not."""
        with self._opened() as connection:
            return read_step(self.workspace, connection, session_id, step)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(open_database(self.workspace)) as connection:
            yield connection


def _workspace(folder: Path | str | None) -> Workspace:
    return resolve_workspace(None if folder is None else str(folder)).create()


class _OwnPair:
    """A module of the caller's for the replay, and a copy of it, made before training, for the control."""

    def __init__(self, network: nn.Module) -> None:
        copied = copy.deepcopy(network)
        self._agents = {REPLAYED: OwnCnnAgent(network), CONTROL: OwnCnnAgent(copied)}

    def module(self, part: str) -> AgentModule:
        return self._agents[part]

    def model(self, part: str) -> CnnModel:
        model: CnnModel = self._agents[part].model
        return model
