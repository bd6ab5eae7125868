"""The models that may take part in a decision, under the one name that each has here."""

from __future__ import annotations

import enum


class UnknownModel(ValueError):
    """A name that is no model; the text lists those that are."""

    def __init__(self, name: object) -> None:
        known = ", ".join([*ModelId, *sorted(ALIASES)])
        super().__init__(f"{name!r} is no model; known are {known}")


class ModelId(enum.StrEnum):
    """A model whose probability of a side counts in a decision, and that learns from what came of it."""

    CNN = "cnn"
    DQN = "dqn"
    COB_RL = "cob_rl"

    @property
    def label(self) -> str:
        """As log lines name it."""
        return self.value.replace("_", " ").upper()


ALIASES = {"cob": ModelId.COB_RL, "rl": ModelId.DQN}
"""Other names that programs use for them."""

SUFFIX = "_contribution"


def model_id(name: str) -> ModelId:
    """The model of a name: cnn, dqn, cob_rl, an alias, or any of these with `_contribution`.

    Raises UnknownModel.
    """
    plain = str(name).strip().lower().removesuffix(SUFFIX)
    if plain in ALIASES:
        return ALIASES[plain]
    try:
        return ModelId(plain)
    except ValueError as error:
        raise UnknownModel(name) from error
