"""Training RL agents from a program: experiences, the buffer that favours what there is to learn, sessions.

What an `RLTrainer` trains is a session like any other: journalled step by step, judged against always holding
on setups that it never saw, shown in the console, and rebuilt by `cointrader step rebuild`.

    trainer = RLTrainer(workspace="...")                  # our double DQN
    trainer = RLTrainer(my_agent, workspace="...")        # your own, see models.dqn.own_agent.RLAgent
    session = trainer.train_on_experiences("BTC/USDT")
    print(session.value, "against", session.baseline)
    trainer.step(session.session_id, 40).gradients()

A program that keeps its experiences itself needs no workspace:

    buffer = ProfitWeightedExperienceBuffer(capacity=1_000_000, features=20)
    RLExperience(state, action=0, reward=0.4, next_state=after, terminated=True).add_to(buffer)
    batch = buffer.sample_batch(32)                       # batch.weight undoes how it was drawn
    buffer.update_priorities(batch.row, abs_errors + 1e-3)
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import Settings, load_settings
from cointrader.training.rl_sessions import (
    RLTrainingSession,
    RLTrainingStep,
    read_rl_session,
    read_rl_step,
)
from cointrader.training.session import train_agent
from models.dqn.own_agent import OwnRlAgent, RLAgent, RLLoss, TensorBatch
from models.dqn.params import DqnParams
from models.parameters import build
from models.replay_buffer.buffer import ExperienceBatch, ProfitWeightedExperienceBuffer
from storage.database import open_database
from storage.workspace import Workspace, resolve_workspace

if TYPE_CHECKING:
    from models.base import AgentModule

__all__ = [
    "ExperienceBatch",
    "ProfitWeightedExperienceBuffer",
    "RLAgent",
    "RLExperience",
    "RLLoss",
    "RLTrainer",
    "RLTrainingSession",
    "RLTrainingStep",
    "TensorBatch",
    "experiences_of",
]

AGENT = "dqn"


@dataclass(frozen=True)
class RLExperience:
    """One action in one state, and what came of it.

    `action` is 0 buy, 1 sell, 2 hold, always the side of the entry; `reward` that of the close; `terminated`
    says that nothing follows, `truncated` that it was only not seen. `optimal_action` is what hindsight says,
    `value` how much there is to learn, `weight` how much of its loss counts, `rapid` marks a rapid change of
    price. `priority` None means as soon as possible.
    """

    state: NDArray[np.float32] | tuple[float, ...]
    action: int
    reward: float
    next_state: NDArray[np.float32] | tuple[float, ...]
    terminated: bool
    truncated: bool = False
    optimal_action: int | None = None
    value: float | None = None
    priority: float | None = None
    rapid: bool = False
    weight: float = 1.0

    @property
    def is_profitable(self) -> bool:
        return self.reward > 0.0

    def add_to(self, buffer: ProfitWeightedExperienceBuffer) -> int:
        """Put it into a buffer and answer its row there. Raises BadExperience."""
        return buffer.add(
            self.state,
            self.action,
            self.reward,
            self.next_state,
            self.terminated,
            truncated=self.truncated,
            profitable=self.is_profitable,
            rapid=self.rapid,
            priority=self.priority,
            scale=self.weight,
        )


def experiences_of(batch: ExperienceBatch) -> list[RLExperience]:
    """The rows of a drawn batch, one by one."""
    columns = (batch.state, batch.action, batch.reward, batch.next_state, batch.terminated, batch.scale)
    return [
        RLExperience(state, int(action), float(reward), after, bool(ended), weight=float(scale))
        for state, action, reward, after, ended, scale in zip(*columns, strict=True)
    ]


class RLTrainer:
    """Trains our double DQN, or `agent` in its place, on the experiences of a workspace.

    `agent` is None for ours, or an object with what `RLAgent` says; that one is trained in place, on from the
    weights it has. `params` are those of the agent `dqn`, as their dataclass or a mapping. A workspace is a
    folder or a `Workspace`; None is the one that the command line would take.
    """

    def __init__(
        self,
        agent: RLAgent | None = None,
        workspace: Workspace | Path | str | None = None,
        params: DqnParams | Mapping[str, Any] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.agent = agent
        self.workspace = workspace if isinstance(workspace, Workspace) else _workspace(workspace)
        self.params = params if isinstance(params, DqnParams) else build(DqnParams, params or {})
        self.settings = settings or load_settings(self.workspace.config)

    def train_on_experiences(self, symbol: str = "all", *, seed: int = 0) -> RLTrainingSession:
        """Train on every experience of a symbol ("all" or a comma list), drawn by priority.

        Raises NotEnoughRows ("waiting n/200"), Diverged, and WrongAgent for an agent that does not give what
        is documented.
        """
        own = None if self.agent is None else cast("AgentModule", OwnRlAgent(self.agent))
        params = dataclasses.replace(self.params, symbols=symbol)
        trained = train_agent(self.workspace, AGENT, params, seed=seed, own=own, settings=self.settings)
        return self.session(trained.session_id)

    train = train_on_experiences

    def session(self, session_id: int) -> RLTrainingSession:
        """A session with its convergence and what it earned. Raises StorageError."""
        with self._opened() as connection:
            return read_rl_session(self.workspace, connection, session_id)

    def sessions(self, limit: int = 50) -> list[RLTrainingSession]:
        """The newest sessions of the DQN first, whoever trained them."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT id FROM session WHERE agent = ? ORDER BY id DESC LIMIT ?", (AGENT, limit)
            ).fetchall()
            return [read_rl_session(self.workspace, connection, int(row[0])) for row in rows]

    def step(self, session_id: int, step: int) -> RLTrainingStep:
        """One step as it was journalled. Raises StorageError when it was not."""
        with self._opened() as connection:
            return read_rl_step(self.workspace, connection, session_id, step)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(open_database(self.workspace)) as connection:
            yield connection


def _workspace(folder: Path | str | None) -> Workspace:
    return resolve_workspace(None if folder is None else str(folder)).create()
