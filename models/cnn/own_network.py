"""Somebody's own torch module in the place of our network.

Its forward takes windows, float32 (scales 3, batch, channels 6, window_bars): see `models.cnn.windows` for
what the numbers are. It answers with a tuple: class logits (batch, 3) in the order none, high, low; the
distance to the pivot in deviations (batch,); the logit of "the class is right" (batch,).

Dropout and other randomness of its own is drawn from torch's generator, which is set from (seed, step) before
each training step, so that its sessions repeat too. Buffers such as those of BatchNorm are journalled.
"""

from __future__ import annotations

import types

import numpy as np
import torch
from torch import Tensor, nn

from models.base import Dataset, Run
from models.cnn import agent
from models.cnn.model import CnnModel
from models.cnn.params import CnnParams
from models.cnn.pivots import LABELS
from models.errors import ModelError


class WrongAnswer(ModelError):
    """A module whose forward does not give what is documented; the text says what it gave."""


class OwnNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A module with the documented forward, behind the one that our training loop calls."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        if not any(parameter.requires_grad for parameter in inner.parameters()):
            raise WrongAnswer(f"{type(inner).__name__} has no parameter that could be trained")
        self.inner = inner
        self._randomness = 0

    def begin_step(self, seed: int, step: int) -> None:
        """Where the randomness of the next forward in training begins."""
        self._randomness = int(np.random.SeedSequence([seed, step, 2]).generate_state(1)[0])

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The mask is that of our own network's dropout; a module of somebody's own has its own.

        Raises WrongAnswer.
        """
        if not self.training:
            return _checked(self.inner, self.inner(windows), windows.shape[1])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._randomness)
            return _checked(self.inner, self.inner(windows), windows.shape[1])


class OwnCnnAgent(types.SimpleNamespace):
    """The agent `cnn` with a network of the caller's: the same rows, split, metric and comparison.

    It trains the module in place. Its sessions are stored and journalled, but make no version: whoever loads
    a version has our network only.
    """

    dataset = staticmethod(agent.dataset)
    split = staticmethod(agent.split)
    total_steps = staticmethod(agent.total_steps)
    evaluate = staticmethod(agent.evaluate)
    learned_until_ms = staticmethod(agent.learned_until_ms)
    compare = staticmethod(agent.compare)
    difference_error = staticmethod(agent.difference_error)
    load = staticmethod(agent.load)

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network=OwnNetwork(network), model=None)

    def fit(self, dataset: Dataset, params: CnnParams, run: Run) -> CnnModel:
        """Train the module; raises what the agent raises, and WrongAnswer."""
        self.model = agent.fit(dataset, params, run, self.network)
        return self.model


def _checked(
    module: nn.Module, answers: tuple[Tensor, Tensor, Tensor], batch: int
) -> tuple[Tensor, Tensor, Tensor]:
    wanted = ((batch, len(LABELS)), (batch,), (batch,))
    given = tuple(tuple(getattr(part, "shape", ())) for part in answers) if isinstance(answers, tuple) else ()
    if given != wanted:
        raise WrongAnswer(
            f"{type(module).__name__}.forward gave {given or type(answers).__name__}; expected logits, "
            f"distance and confidence of shapes {wanted}"
        )
    return answers
