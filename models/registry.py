"""Every agent that exists, with where its parts live; adding one is a folder and a line here.

The module is stdlib only: the console lists agents and builds their forms before anything heavy is
imported. `load` imports an agent's code, and with it scikit-learn or torch, on first use.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from models.base import AgentModule


class UnknownAgent(ValueError):
    """A name that is no agent; the text lists those that are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no agent named {name!r}; known are " + ", ".join(entry.name for entry in AGENTS))
        self.name = name


@dataclass(frozen=True)
class AgentEntry:
    """One agent as the console and the command line show it.

    `params` is "module:Class" (stdlib only), `module` the code that trains, `slot` where its jobs wait
    ("cpu" or "gpu"), `baseline` in words what a version must beat on rows it never saw.
    """

    name: str
    title: str
    purpose: str
    params: str
    module: str
    kind: str
    slot: str
    primary_metric: str
    baseline: str
    least_rows: int


AGENTS: tuple[AgentEntry, ...] = (
    AgentEntry(
        name="signal_classifier",
        title="Signal classifier",
        purpose="Will the close be higher after the horizon? Elastic-net logistic regression at signals.",
        params="models.signal_classifier.params:SignalClassifierParams",
        module="models.signal_classifier.agent",
        kind="tabular",
        slot="cpu",
        primary_metric="roc_auc",
        baseline="ROC-AUC 0.5; F1 of the majority class",
        least_rows=2_000,
    ),
    AgentEntry(
        name="cnn",
        title="CNN pivots",
        purpose="Is the bar that just closed a turning point? Convolutions over three timeframes.",
        params="models.cnn.params:CnnParams",
        module="models.cnn.agent",
        kind="torch",
        slot="cpu",
        primary_metric="pivot_auc",
        baseline="class prior: AUC 0.5",
        least_rows=100,
    ),
    AgentEntry(
        name="dqn",
        title="DQN",
        purpose="Buy, sell or hold in the state of a setup? Double DQN over experiences drawn by priority.",
        params="models.dqn.params:DqnParams",
        module="models.dqn.agent",
        kind="torch",
        slot="cpu",
        primary_metric="mean_reward",
        baseline="always hold: reward 0",
        least_rows=200,
    ),
    AgentEntry(
        name="cob_rl",
        title="COB RL",
        purpose="Buy, sell or hold, by the order book? A transformer that learns from what actions earn.",
        params="models.cob_rl.params:CobRlParams",
        module="models.cob_rl.agent",
        kind="torch",
        slot="cpu",
        primary_metric="mean_reward",
        baseline="always hold: reward 0",
        least_rows=200,
    ),
    AgentEntry(
        name="signal_quality",
        title="Signal quality",
        purpose="Will the price go the way of a feed signal? Boosted trees over what the feeds knew.",
        params="models.signal_quality.params:SignalQualityParams",
        module="models.signal_quality.agent",
        kind="tabular",
        slot="cpu",
        primary_metric="roc_auc",
        baseline="ROC-AUC 0.5",
        least_rows=500,
    ),
    AgentEntry(
        name="decision",
        title="Decision",
        purpose="Would this signal pay, net of costs? Logistic regression over closed signals.",
        params="models.decision.params:DecisionParams",
        module="models.decision.agent",
        kind="tabular",
        slot="cpu",
        primary_metric="roc_auc",
        baseline="the base rate of every signal: ROC-AUC 0.5",
        least_rows=200,
    ),
)


def get(name: str) -> AgentEntry:
    """The entry of an agent; raises UnknownAgent naming those that exist."""
    for entry in AGENTS:
        if entry.name == name:
            return entry
    raise UnknownAgent(name)


def params_class(name: str) -> type[Any]:
    """The parameter dataclass of an agent; imports nothing beyond the standard library."""
    module, _, attribute = get(name).params.partition(":")
    return cast("type[Any]", getattr(importlib.import_module(module), attribute))


def load(name: str) -> AgentModule:
    """The training code of an agent, imported now."""
    return cast("AgentModule", importlib.import_module(get(name).module))
