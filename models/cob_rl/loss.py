"""The actor-critic loss of one batch of actions, in its parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.candle_series import FloatArray, IntArray


@dataclass(frozen=True)
class ActorCriticLoss:
    """Scalars: what is minimised, and its parts before their weights (entropy in nats)."""

    total: Tensor
    policy: Tensor
    value: Tensor
    entropy: Tensor

    def scalars(self) -> dict[str, float]:
        """The numbers by the names of their curves."""
        return {
            "losses/total": float(self.total.detach()),
            "losses/policy": float(self.policy.detach()),
            "losses/value": float(self.value.detach()),
            "losses/entropy": float(self.entropy.detach()),
        }


def actor_critic_loss(
    logits: Tensor, value: Tensor, action: Tensor, reward: Tensor, weight: Tensor, entropy_weight: float
) -> ActorCriticLoss:
    """The mean of w (-log pi(a|s) (R - V) + 0.5 (R - V)^2 - 0.01 entropy); R - V is a number in the first.

    An action ends its episode, so R is its whole return (one-step advantage actor-critic: Sutton and Barto
    2018, chapter 13; Mnih et al. 2016, arXiv:1602.01783). `logits` (n, 3); all others (n,); the weight of a
    row scales its loss, never its reward.
    """
    log_probability = torch.log_softmax(logits, dim=1)
    chosen = log_probability.gather(1, action[:, None]).squeeze(1)
    advantage = reward - value
    policy = (weight * -chosen * advantage.detach()).mean()
    critic = (weight * advantage.square()).mean()
    entropy = (weight * -(log_probability.exp() * log_probability).sum(dim=1)).mean()
    return ActorCriticLoss(policy + 0.5 * critic - entropy_weight * entropy, policy, critic, entropy)


def draw_actions(probability: FloatArray, uniform: FloatArray) -> IntArray:
    """The action that a number in [0, 1) stands for in each row of probabilities (n, actions)."""
    reached = np.cumsum(probability, axis=1)
    # Against the sum of the row: rounding may leave it a little under 1.
    drawn: IntArray = (reached[:, :-1] <= uniform[:, None] * reached[:, -1:]).sum(axis=1).astype(np.int64)
    return drawn
