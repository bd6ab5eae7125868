"""P4: steps of double DQN with priorities: 20,000 experiences, states of 20, two layers of 64, batch 32.

The limit is the same arithmetic by hand in NumPy: draws from a compiled sum tree, both passes, clipping, Adam
over one flat vector, priorities written back. It keeps no counts, pools or journal. The peer is the DQN of
Stable-Baselines3, which draws uniformly and knows neither priorities nor double targets.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Row, interleave, row_of
from benchmarks.p3_buffer import FAN, descend, mark
from models.base import Dataset
from models.dqn.params import DqnParams
from models.dqn.training_loop import TrainingLoop
from models.memory_run import MemoryRun

ROWS, FEATURES, HIDDEN, ACTIONS, BATCH, STEPS = 20_000, 20, 64, 3, 32, 2_000
GAMMA, RATE, CLIP, SYNC = 0.99, 1e-3, 10.0, 500
EXPONENT, CORRECTION = 0.6, 0.4


class PlainDqn:
    """The limit."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data, self.step = data, 0
        self.generator = np.random.default_rng(0)
        shapes = [(FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, ACTIONS), (ACTIONS,)]
        cuts = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        self.flat, self.older, self.gradient, self.mean, self.square = (
            np.zeros(cuts[-1], np.float32) for _ in range(5)
        )
        self.layers, self.target, self.slopes = (
            [flat[a:b].reshape(shape) for a, b, shape in zip(cuts, cuts[1:], shapes, strict=False)]
            for flat in (self.flat, self.older, self.gradient)
        )
        for layer in self.layers[::2]:
            layer[:] = self.generator.uniform(-1, 1, layer.shape) * layer.shape[0] ** -0.5
        self.older[:] = self.flat
        tops = -(-ROWS // (FAN * FAN))
        self.tree = np.zeros(tops * FAN * FAN), np.zeros(tops * FAN), np.zeros(tops)
        mark(*self.tree, np.arange(ROWS), data["priority"] ** EXPONENT)
        self.rows, self.chances, self.places = np.empty(BATCH, np.int64), np.empty(BATCH), np.arange(BATCH)

    def learn(self, steps: int = STEPS) -> None:
        for _ in range(steps):
            self.one()

    def one(self) -> None:
        data, rows = self.data, self.rows
        descend(*self.tree, self.generator.random(BATCH), rows, self.chances)
        weight = (ROWS * self.chances) ** -CORRECTION
        weight /= weight.max()
        states, following = data["state"].take(rows, 0), data["next"].take(rows, 0)
        action = data["action"][rows]
        best = _forward(self.layers, following)[2].argmax(1)
        later = _forward(self.target, following)[2][self.places, best]
        wanted = data["reward"][rows] + np.float32(GAMMA) * (1 - data["terminated"][rows]) * later
        first, second, values = _forward(self.layers, states)
        error = values[self.places, action] - wanted
        slope = np.zeros_like(values)
        slope[self.places, action] = np.clip(error, -1, 1) * weight / BATCH
        self._backward(states, first, second, slope)
        self._adam()
        mark(*self.tree, rows, (np.abs(error) + 1e-6) ** EXPONENT)
        if self.step % SYNC == 0:
            self.older[:] = self.flat

    def _backward(self, states: Any, first: Any, second: Any, slope: Any) -> None:
        layers, slopes = self.layers, self.slopes
        np.matmul(second.T, slope, out=slopes[4])
        slope.sum(0, out=slopes[5])
        slope = slope @ layers[4].T
        slope *= second > 0
        np.matmul(first.T, slope, out=slopes[2])
        slope.sum(0, out=slopes[3])
        slope = slope @ layers[2].T
        slope *= first > 0
        np.matmul(states.T, slope, out=slopes[0])
        slope.sum(0, out=slopes[1])

    def _adam(self) -> None:
        gradient = self.gradient
        norm = float(np.sqrt(gradient @ gradient))
        if norm > CLIP:
            gradient *= np.float32(CLIP / norm)
        self.step += 1
        self.mean += np.float32(0.1) * (gradient - self.mean)
        self.square += np.float32(0.001) * (gradient * gradient - self.square)
        scale = np.sqrt(self.square)
        scale *= np.float32((1 - 0.999**self.step) ** -0.5)
        scale += np.float32(1e-8)
        self.flat -= np.float32(RATE / (1 - 0.9**self.step)) * (self.mean / scale)


def _forward(layers: list[Any], states: Any) -> tuple[Any, Any, Any]:
    first = states @ layers[0]
    first += layers[1]
    np.maximum(first, 0, out=first)
    second = first @ layers[2]
    second += layers[3]
    np.maximum(second, 0, out=second)
    values = second @ layers[4]
    values += layers[5]
    return first, second, values


def rows() -> list[Row]:
    """Time steps of training, ours through its whole loop with the journal off."""
    import torch

    torch.set_num_threads(1)
    data = _data()
    dataset = _dataset(data)
    params = DqnParams(steps=STEPS, evaluate_every=STEPS, hidden=HIDDEN, batch_size=BATCH)
    everything, last = np.arange(ROWS), np.arange(ROWS - 600, ROWS)
    limit = PlainDqn(data)

    def ours() -> None:
        TrainingLoop(dataset, everything, last, params, MemoryRun(journal_mode="off")).fit()

    cases: dict[str, Callable[[], object]] = {"limit": limit.learn, "ours": ours}
    if importlib.util.find_spec("stable_baselines3"):
        cases["stable-baselines3, uniform"] = _baselines(data)
    timings = interleave(cases, "limit", rounds=5, limit_repeats=2)
    return [row_of("P4", f"double DQN with priorities, {STEPS} steps of {BATCH}", timings, target=1.5)]


def _data() -> dict[str, Any]:
    generator = np.random.default_rng(1)
    return {
        "state": generator.normal(size=(ROWS, FEATURES)).astype(np.float32),
        "next": generator.normal(size=(ROWS, FEATURES)).astype(np.float32),
        "action": generator.integers(0, ACTIONS, ROWS),
        "reward": generator.normal(size=ROWS).astype(np.float32),
        "terminated": (generator.random(ROWS) < 2 / 3).astype(np.float32),
        "priority": generator.random(ROWS) + 0.01,
    }


def _dataset(data: dict[str, Any]) -> Dataset:
    place = np.arange(ROWS)
    arrays = {
        "series_state": np.concatenate([data["state"], data["next"]]),
        "setup": place,
        "following": place + ROWS,
        "action": data["action"],
        "reward": data["reward"],
        "terminated": data["terminated"],
        "priority": data["priority"],
        "rapid": np.zeros(ROWS, np.uint8),
        "from_close": np.zeros(ROWS, np.uint8),
        "model_weight": np.ones(ROWS, np.float32),
    }
    names = tuple(f"state_{number}" for number in range(FEATURES))
    words = ("buy", "sell", "hold")
    nothing = np.zeros(ROWS, np.int16)
    return Dataset(
        "dqn", arrays, data["action"], place, place, nothing, ("A",), names, words, 1, "synthetic", ""
    )


def _baselines(data: dict[str, Any]) -> Callable[[], object]:
    import gymnasium
    from stable_baselines3 import DQN
    from stable_baselines3.common.logger import configure

    class Still(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-10, 10, (FEATURES,), np.float32)
        action_space = gymnasium.spaces.Discrete(ACTIONS)

    layers = {"net_arch": [HIDDEN, HIDDEN]}
    model = DQN("MlpPolicy", Still(), buffer_size=ROWS, batch_size=BATCH, device="cpu", policy_kwargs=layers)
    names = ("state", "next", "action", "reward", "terminated")
    for state, following, action, reward, done in zip(*(data[name] for name in names), strict=True):
        given = np.array([[action]]), np.array([reward]), np.array([done])
        model.replay_buffer.add(state[None], following[None], *given, [{}])  # type: ignore[union-attr]
    model.set_logger(configure(None, []))
    return lambda: model.train(gradient_steps=STEPS, batch_size=BATCH)
