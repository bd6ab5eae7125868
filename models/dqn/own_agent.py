"""Somebody's own RL agent in the place of our DQN: the same experiences, draws, journal, metric and split.

An agent is any object with what `RLAgent` says; nothing is inherited. We draw the batches, clip and journal
the gradient and write the priorities back; the agent says what its loss is and what actions are worth to it.
Randomness of its own is drawn from torch's generator, which is set from (seed, step) before each step, so
that its sessions repeat too.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from models.backprop.keeper import flat_gradient
from models.backprop.layout import names_of
from models.backprop.snapshots import WEIGHTS, take_snapshot, weights_of
from models.base import Dataset, Run, TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.digest import weights_digest
from models.dqn import agent
from models.dqn.batches import batches_of
from models.dqn.experiences import LEAST_ROWS
from models.dqn.learner import DRAWS, StepOutcome, part_of
from models.dqn.model import probabilities_of
from models.dqn.network import ACTIONS
from models.dqn.params import DqnParams
from models.dqn.policy import greedy
from models.dqn.training_loop import TrainingLoop
from models.errors import ModelError


class WrongAgent(ModelError):
    """An agent that does not give what is documented; the text says what it gave."""


@dataclass(frozen=True)
class TensorBatch:
    """n experiences: `state`, `next_state` (n, features) and `reward`, `terminated` (n,) float32, `action`
    (n,) int64 (0 buy, 1 sell, 2 hold), and `weight` (n,), by which the loss of every row is multiplied."""

    state: Tensor
    action: Tensor
    reward: Tensor
    next_state: Tensor
    terminated: Tensor
    weight: Tensor


@dataclass(frozen=True)
class RLLoss:
    """`total` is what is differentiated, `error` (n,) how wrong each row was (its next priority), `q` and
    `policy` the parts of the loss where the agent has them."""

    total: Tensor
    error: Tensor
    q: float | None = None
    policy: float | None = None


@runtime_checkable
class RLAgent(Protocol):
    """What an agent has to offer.

    `network` holds all weights, `optimiser` steps some of them (Adam, AdamW, SGD or RMSprop with
    foreach=True can be rebuilt step by step). `followers` maps names of tensors of `network.state_dict()`
    that are copies, such as a target network's, to the tensors they are copied from; it may be empty.
    """

    network: nn.Module
    optimiser: Optimizer
    followers: Mapping[str, str]

    def loss(self, batch: TensorBatch) -> RLLoss:
        """The loss of a batch, differentiable."""
        ...

    def values(self, states: Tensor) -> Tensor:
        """What buying, selling and holding are worth in each state, (n, 3)."""
        ...

    def after_step(self, step: int) -> bool:
        """Called after each step of the optimiser; True when the followers were copied now."""
        ...


class OwnLearner:
    """Takes the steps of an `RLAgent`."""

    def __init__(self, own: RLAgent, dataset: Dataset, train: IntArray, params: DqnParams, seed: int) -> None:
        if not isinstance(own, RLAgent):
            raise WrongAgent(f"{type(own).__name__} lacks a part of an RL agent: see models.dqn.own_agent")
        self._own, self._params, self._seed = own, params, seed
        self._arrays = dataset.arrays
        self.batches = batches_of(dataset, train, params, seed)
        self._error: NDArray[np.float32] = np.empty(0, np.float32)
        self._parameters = [each for group in own.optimiser.param_groups for each in group["params"]]

    @property
    def network(self) -> nn.Module:
        return self._own.network

    @property
    def optimiser(self) -> Optimizer:
        return self._own.optimiser

    @property
    def followers(self) -> Mapping[str, str]:
        return self._own.followers

    def values(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each action is worth, (n, 3). Raises WrongAgent."""
        return own_values(self._own, states)

    def take_gradient(self, step: int) -> StepOutcome:
        """Draw the rows of a step and leave their clipped gradient in the parameters. Raises WrongAgent."""
        rows, weight, priority = self.batches.draw(step)
        self.network.train()
        self.optimiser.zero_grad(set_to_none=True)
        with _randomness_of(self._seed, step):
            loss = _checked(self._own, self._own.loss(self._batch(rows, weight)), len(rows))
            loss.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._params.gradient_clip, foreach=True)
        self._error = loss.error.detach().cpu().to(torch.float32).numpy().copy()
        parts = {"losses/q_loss": loss.q, "losses/policy_loss": loss.policy}
        known = {name: float(value) for name, value in parts.items() if value is not None}
        error = float(np.abs(self._error).mean())
        return StepOutcome(rows, float(loss.total.detach()), known, float(norm), error, priority)

    def apply(self, step: int) -> bool:
        """Step with the gradient that was taken; whether the followers were copied after it."""
        self.optimiser.step()
        self.batches.learned(step, self._error)
        return bool(self._own.after_step(step))

    @property
    def gradient(self) -> NDArray[np.float32]:
        """The flat gradient that was taken last; a copy."""
        return flat_gradient(self._parameters)

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, memory of the optimiser, and what the draws depend on; copies."""
        arrays = take_snapshot(self.network, self.optimiser, names_of(self.network, self.optimiser))
        return arrays | {DRAWS + name: value for name, value in self.batches.state().items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        weights = part_of(arrays, WEIGHTS)
        self.network.load_state_dict(
            {name: torch.from_numpy(np.array(each)) for name, each in weights.items()}
        )
        names = names_of(self.network, self.optimiser)
        for parameter in self._parameters:
            kept = part_of(arrays, f"optimiser/{names[id(parameter)]}/")
            if kept:
                tensors = {key: torch.from_numpy(np.array(value)) for key, value in kept.items()}
                self.optimiser.state[parameter] = tensors
        self.batches.restore(part_of(arrays, DRAWS))

    def _batch(self, rows: IntArray, weight: NDArray[np.float64]) -> TensorBatch:
        arrays = self._arrays
        states, following = arrays["series_state"], arrays["following"][rows]
        then = np.where(following[:, None] >= 0, states[np.maximum(following, 0)], np.float32(0.0))
        scale = weight * arrays["model_weight"][rows]
        return TensorBatch(
            state=torch.from_numpy(states[arrays["setup"][rows]]),
            action=torch.from_numpy(arrays["action"][rows].astype(np.int64)),
            reward=torch.from_numpy(arrays["reward"][rows].astype(np.float32)),
            next_state=torch.from_numpy(then.astype(np.float32)),
            terminated=torch.from_numpy(arrays["terminated"][rows].astype(np.float32)),
            weight=torch.from_numpy(scale.astype(np.float32)),
        )


@dataclass(frozen=True)
class OwnRlModel:
    """A trained agent of somebody's own, asked like our model."""

    params: DqnParams
    own: RLAgent
    feature_names: tuple[str, ...]
    margin: float
    convergence: str = ""
    trials: tuple[TriedPoint, ...] = ()

    @property
    def label_order(self) -> tuple[str, ...]:
        return ACTIONS

    def values(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each action is worth in each state, (n, 3)."""
        return own_values(self.own, states)

    def actions(self, states: NDArray[np.float32]) -> IntArray:
        """The action of the greedy policy in each state, (n,)."""
        return greedy(self.values(states), self.margin)

    def predict(self, candles: CandleSeries) -> FloatArray:
        """(n, 3) softmax of the values of buying, selling and holding; NaN where history is too short."""
        return probabilities_of(self.values, self.feature_names, candles)

    def weights_sha256(self) -> str:
        return weights_digest(weights_of(self.own.network))

    def save(self) -> dict[str, bytes]:
        """The weights alone: the code that they belong to is the caller's."""
        from safetensors.numpy import save as save_tensors

        return {"weights.safetensors": save_tensors(weights_of(self.own.network))}


class OwnRlAgent(types.SimpleNamespace):
    """The agent `dqn` with an agent of the caller's: the same rows, split, metric and comparison.

    It trains the networks in place. Its sessions are stored and journalled, but make no version: whoever
    loads a version has our networks only.
    """

    LEAST_ROWS = LEAST_ROWS
    dataset = staticmethod(agent.dataset)
    split = staticmethod(agent.split)
    total_steps = staticmethod(agent.total_steps)
    evaluate = staticmethod(agent.evaluate)
    learned_until_ms = staticmethod(agent.learned_until_ms)
    compare = staticmethod(agent.compare)
    difference_error = staticmethod(agent.difference_error)
    load = staticmethod(agent.load)

    def __init__(self, own: RLAgent) -> None:
        super().__init__(own=own, model=None)

    def fit(self, dataset: Dataset, params: DqnParams, run: Run) -> OwnRlModel:
        """Train the agent; raises what ours raises, and WrongAgent."""
        early = agent.split(dataset, params).folds[0]
        agent.check_warm_up(early, params)
        learner = OwnLearner(self.own, dataset, early.train, params, run.seed)
        margin, words = TrainingLoop(dataset, early.train, early.test, params, run, learner).learn()
        self.model = OwnRlModel(params, self.own, dataset.feature_names, margin, words)
        return self.model


def own_values(own: RLAgent, states: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each action is worth to an agent, (n, 3). Raises WrongAgent."""
    own.network.eval()
    with torch.no_grad():
        given = own.values(torch.from_numpy(np.ascontiguousarray(states, np.float32)))
    if tuple(getattr(given, "shape", ())) != (len(states), len(ACTIONS)):
        shape = tuple(getattr(given, "shape", ())) or type(given).__name__
        raise WrongAgent(
            f"{type(own).__name__}.values gave {shape}; expected ({len(states)}, {len(ACTIONS)})"
        )
    values: NDArray[np.float32] = given.cpu().to(torch.float32).numpy()
    return values


def _checked(own: RLAgent, loss: RLLoss, rows: int) -> RLLoss:
    if not isinstance(loss, RLLoss):
        raise WrongAgent(f"{type(own).__name__}.loss gave {type(loss).__name__}; expected an RLLoss")
    if loss.total.shape != () or not loss.total.requires_grad:
        raise WrongAgent(f"{type(own).__name__}.loss: total must be one number that can be differentiated")
    if tuple(loss.error.shape) != (rows,):
        raise WrongAgent(
            f"{type(own).__name__}.loss: error has shape {tuple(loss.error.shape)}, not ({rows},)"
        )
    return loss


@contextmanager
def _randomness_of(seed: int, step: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence([seed, step, 2]).generate_state(1)[0]))
        yield
