"""RL agents as somebody else would write them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, log_softmax

from models.dqn.own_agent import RLLoss, TensorBatch


class TwoHeads(nn.Module):
    """A policy and a critic on a trunk with BatchNorm, and an older copy of the critic."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(features, 24), nn.BatchNorm1d(24), nn.Tanh(), nn.Dropout(0.1))
        self.policy, self.critic, self.older = nn.Linear(24, 3), nn.Linear(24, 3), nn.Linear(24, 3)
        self.older.requires_grad_(False)
        self.older.load_state_dict(self.critic.state_dict())


class ActorCritic:
    """Q-learning for the critic, and a policy that follows what the critic prefers."""

    def __init__(self, features: int, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network: nn.Module = TwoHeads(features)
        learning = [each for each in self.network.parameters() if each.requires_grad]
        self.optimiser: torch.optim.Optimizer = torch.optim.AdamW(learning, lr=3e-3, foreach=True)
        self.followers: Mapping[str, str] = {"older.weight": "critic.weight", "older.bias": "critic.bias"}

    def loss(self, batch: TensorBatch) -> RLLoss:
        network = self.network
        hidden = network.trunk(batch.state)
        q = network.critic(hidden)
        with torch.no_grad():
            after = network.older(network.trunk(batch.next_state)).amax(1)
            target = batch.reward + 0.99 * (1.0 - batch.terminated) * after
        taken = q.gather(1, batch.action[:, None])[:, 0]
        q_loss = (batch.weight * huber_loss(taken, target, reduction="none")).mean()
        wanted = torch.softmax(q.detach() / 0.1, 1)
        policy_loss = -(wanted * log_softmax(network.policy(hidden), 1)).sum(1).mean()
        return RLLoss(q_loss + 0.1 * policy_loss, taken - target, q_loss.item(), policy_loss.item())

    def values(self, states: Tensor) -> Tensor:
        return self.network.critic(self.network.trunk(states))

    def after_step(self, step: int) -> bool:
        if step % 50:
            return False
        self.network.older.load_state_dict(self.network.critic.state_dict())
        return True
