"""How much of a decision was whose doing.

For the side of a signal, p_m is model m's probability of that side (CNN: a low pivot for a buy, a high one
for a sell; DQN and COB RL: softmax of their values or policy). Three answers are possible, so a model that
knows nothing says 1/3:

    c_m = w_m max(0, p_m - 1/3)        w_m the weight of the model, 1/k by default
    c_rule = the confidence of the strategy itself

and shares are these divided by their sum. A model that is not there has 0 and is absent, which is more than
having nothing to say: it is told, with the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cointrader.trading.model_id import ModelId, model_id

RULE = "rule"
KNOWS_NOTHING = 1.0 / 3.0


class MissingWeight(ValueError):
    """A model's part in a decision was not told; it is never taken for nothing."""

    def __init__(self, missing: ModelId) -> None:
        super().__init__(f"the weight of {missing} is missing; say 0 where it took no part in the decision")
        self.model = missing


@dataclass(frozen=True)
class Contributions:
    """Shares of the models that were there and of the rule, which add up to 1, and who was absent and why.

    `probability` is what each model gave the side, empty where that is not known any more.
    """

    models: Mapping[ModelId, float]
    rule: float
    absent: Mapping[ModelId, str] = field(default_factory=dict)
    probability: Mapping[ModelId, float] = field(default_factory=dict)

    def share(self, model: ModelId) -> float:
        """The part of a model, 0 for an absent one."""
        return self.models.get(model, 0.0)

    def to_json(self) -> str:
        """As a signal keeps it: the rule and the models that were there."""
        shares = {RULE: self.rule, **{str(model): share for model, share in self.models.items()}}
        return json.dumps(shares, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Contributions:
        """What `to_json` wrote; a model that is not named was absent. Raises UnknownModel."""
        shares = {str(name): float(share) for name, share in json.loads(text or "{}").items()}
        rule = shares.pop(RULE, 0.0)
        models = {model_id(name): share for name, share in shares.items()}
        absent = {model: "" for model in ModelId if model not in models}
        return cls(models, rule, absent)

    def opinion_json(self) -> str:
        """What the shares were made of: probabilities, and why models were absent."""
        told = {"probability": self.probability, "absent": self.absent}
        return json.dumps(told, separators=(",", ":"))

    def with_opinion(self, text: str) -> Contributions:
        """These shares with what `opinion_json` kept, '' where it kept nothing. Raises UnknownModel."""
        if not text:
            return self
        told = json.loads(text)
        reasons = {model_id(name): str(reason) for name, reason in told["absent"].items()}
        return replace(
            self,
            absent={model: reasons.get(model, reason) for model, reason in self.absent.items()},
            probability={model_id(name): float(p) for name, p in told["probability"].items()},
        )


def contributions(
    probabilities: Mapping[ModelId, float | None],
    rule_confidence: float,
    *,
    weights: Mapping[ModelId, float] | None = None,
    reasons: Mapping[ModelId, str] | None = None,
) -> Contributions:
    """The shares for a side, by each model's probability of it; None for a model that is absent.

    `weights` are those of the champions, 1/k each where nothing is said; `reasons` say why one is absent.
    Raises ValueError for numbers that are not probabilities or weights.
    """
    known = {model: p for model, p in probabilities.items() if p is not None}
    said = weights or {}
    parts: dict[ModelId, float] = {}
    for model, probability in known.items():
        weight = said.get(model, 1.0 / len(known))
        if not (0.0 <= probability <= 1.0) or not (0.0 <= weight < math.inf):
            raise ValueError(f"{model}: probability {probability!r} with weight {weight!r} is not possible")
        parts[model] = weight * max(0.0, probability - KNOWS_NOTHING)
    if not 0.0 <= rule_confidence <= 1.0:
        raise ValueError(f"the confidence of a rule is 0 to 1, not {rule_confidence!r}")
    whole = math.fsum([rule_confidence, *parts.values()])
    told = reasons or {}
    absent = {model: told.get(model, "") for model in ModelId if model not in known}
    if whole <= 0.0:
        return Contributions(dict.fromkeys(parts, 0.0), 1.0, absent, known)
    shares = {model: part / whole for model, part in parts.items()}
    return Contributions(shares, rule_confidence / whole, absent, known)


def weights_told(told: Mapping[str, object]) -> dict[ModelId, float]:
    """Weights by model out of a program's own mapping; aliases are understood.

    Raises UnknownModel, MissingWeight, and ValueError for a weight that is no share of a decision.
    """
    named: dict[ModelId, float] = {}
    for name, weight in told.items():
        model = model_id(name)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0.0 <= weight <= 1.0:
            raise ValueError(f"the weight of {model} is {weight!r}; a share is a number from 0 to 1")
        if model in named:
            raise ValueError(f"the weight of {model} was told twice")
        named[model] = float(weight)
    for model in ModelId:
        if model not in named:
            raise MissingWeight(model)
    return named
