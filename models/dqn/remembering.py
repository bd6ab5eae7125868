"""A DQN in memory that learns from what it is told: `remember`, then `replay`.

For programs that keep a network of their own beside the stored versions. Each replay is one real step of
double DQN with Adam over remembered transitions; nothing is stored and nothing is promoted by it. A weight
scales the loss of its transition, never its reward.
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.dqn.model import DqnModel
from models.dqn.network import ACTIONS
from models.errors import NotEnoughRows

MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Transition:
    """One action and what came of it; a `done` one has nothing after it."""

    state: NDArray[np.float32]
    action: int
    reward: float
    next_state: NDArray[np.float32]
    done: bool
    weight: float


class RememberingDqn:
    """A copy of a model, and the transitions that it learns from."""

    def __init__(self, model: DqnModel, seed: int = 0) -> None:
        self.params, self.feature_names = model.params, model.feature_names
        self.network = copy.deepcopy(model.network)
        self.memory: deque[Transition] = deque(maxlen=MOST_REMEMBERED)
        self.steps = 0
        self._generator = np.random.Generator(np.random.Philox(seed))
        self._optimiser = torch.optim.Adam(self.network.online.parameters(), lr=self.params.learning_rate)

    def remember(
        self,
        state: NDArray[np.float32],
        action: int,
        reward: float,
        next_state: NDArray[np.float32] | None,
        done: bool,
        *,
        weight: float = 1.0,
    ) -> None:
        """Keep a transition; after one that is `done` nothing is needed.

        Raises ValueError for a state of another width, an action that is none, and numbers that are not
        finite.
        """
        width = len(self.feature_names)
        seen = np.asarray(state, np.float32)
        then = np.zeros(width, np.float32) if next_state is None else np.asarray(next_state, np.float32)
        if seen.shape != (width,) or then.shape != (width,):
            raise ValueError(f"states have {width} numbers; got {seen.shape} and {then.shape}")
        if next_state is None and not done:
            raise ValueError("a transition that goes on needs the state that follows")
        if action not in range(len(ACTIONS)):
            raise ValueError(f"an action is 0 (buy), 1 (sell) or 2 (hold), not {action!r}")
        if not (np.isfinite(seen).all() and np.isfinite(then).all() and np.isfinite([reward, weight]).all()):
            raise ValueError("states, reward and weight must be finite")
        self.memory.append(Transition(seen, int(action), float(reward), then, bool(done), float(weight)))

    def replay(self, batch_size: int = 32) -> float:
        """One step over a batch drawn from memory; returns its loss. Raises NotEnoughRows below a batch."""
        if len(self.memory) < batch_size:
            raise NotEnoughRows(len(self.memory), batch_size, "remembered transitions")
        drawn = self._generator.choice(len(self.memory), batch_size, replace=False)
        loss = self._loss([self.memory[place] for place in drawn.tolist()])
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.online.parameters(), self.params.gradient_clip)
        self._optimiser.step()
        self.steps += 1
        if self.steps % self.params.target_update == 0:
            self.network.sync()
        return float(loss.detach())

    def _loss(self, batch: list[Transition]) -> torch.Tensor:
        """mean(w huber(Q(s, a) - y)), y = r + gamma (1 - done) Q'(s', argmax Q(s'))."""
        states = torch.from_numpy(np.stack([each.state for each in batch]))
        following = torch.from_numpy(np.stack([each.next_state for each in batch]))
        action = torch.tensor([each.action for each in batch])
        reward = torch.tensor([each.reward for each in batch])
        done = torch.tensor([float(each.done) for each in batch])
        weight = torch.tensor([each.weight for each in batch])
        with torch.no_grad():
            best = self.network.online(following).argmax(dim=1, keepdim=True)
            then = self.network.target(following).gather(1, best).squeeze(1)
            wanted = reward + self.params.gamma * (1.0 - done) * then
        said = self.network.online(states).gather(1, action[:, None]).squeeze(1)
        return (weight * torch.nn.functional.huber_loss(said, wanted, reduction="none")).mean()
