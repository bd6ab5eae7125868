"""Adam as torch steps it, without what torch does around it: the same bits in less than half the time.

The networks here are so small that most of `torch.optim.Adam.step` is spent on grouping tensors and on hooks.
So the same `_foreach` operations are called in the same order on the optimiser's own state, which the
journal and the checkpoints read as ever. A test holds every bit against `torch.optim.Adam(foreach=True)`.
"""

from __future__ import annotations

import torch
from torch import Tensor


class QuickAdam:
    """Steps `optimiser`, an Adam with foreach, without decay, with one group; the first step is its own."""

    def __init__(self, optimiser: torch.optim.Adam) -> None:
        self._optimiser = optimiser
        self._one = torch.tensor(1.0)
        self._parameters: list[Tensor] = []

    def forget(self) -> None:
        """The state of the optimiser was replaced, or its gradients are others."""
        self._parameters = []

    def step(self) -> None:
        """One step with the gradients that the parameters hold (Kingma, Ba 2015, arXiv:1412.6980)."""
        if not self._parameters:
            if not self._optimiser.state:
                self._optimiser.step()
                return
            self._take_hold()
        group = self._optimiser.param_groups[0]
        rate, (first, second), smallest = group["lr"], group["betas"], group["eps"]
        with torch.no_grad():
            torch._foreach_add_(self._steps, self._one, alpha=1.0)
            torch._foreach_lerp_(self._means, self._gradients, 1 - first)
            torch._foreach_mul_(self._squares, second)
            torch._foreach_addcmul_(self._squares, self._gradients, self._gradients, 1 - second)
            count, tensors = self._steps[0].item(), len(self._parameters)
            size = (rate / (1 - first**count)) * -1
            correction = (1 - second**count) ** 0.5
            scale = torch._foreach_sqrt(self._squares)
            torch._foreach_div_(scale, [correction] * tensors)
            torch._foreach_add_(scale, smallest)
            torch._foreach_addcdiv_(self._parameters, self._means, scale, [size] * tensors)

    def _take_hold(self) -> None:
        parameters = self._optimiser.param_groups[0]["params"]
        states = [self._optimiser.state[parameter] for parameter in parameters]
        self._gradients = [parameter.grad for parameter in parameters]
        self._means = [state["exp_avg"] for state in states]
        self._squares = [state["exp_avg_sq"] for state in states]
        self._steps = [state["step"] for state in states]
        self._parameters = [parameter.detach() for parameter in parameters]
