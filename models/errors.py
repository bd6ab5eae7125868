"""What an agent refuses or cannot do; every text is written for the operator."""

from __future__ import annotations


class ModelError(Exception):
    """Anything an agent refuses or cannot do; the text says what was wrong and what to do."""


class NotEnoughRows(ModelError):
    """There is less to learn from than the agent needs."""

    def __init__(self, got: int, need: int, what: str = "rows") -> None:
        super().__init__(f"only {got:,} {what}, and at least {need:,} are needed")
        self.got = got
        self.need = need
        self.what = what


class Diverged(ModelError):
    """A loss or gradient that is no finite number, or a validation loss far above its best."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"diverged at step {step:,}: {what}")
        self.step = step
        self.what = what


class Stopped(ModelError):
    """Somebody wanted an end; a loop that can be gone on with has checkpointed its last step before."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step:,}")
        self.step = step


class FeatureMismatch(ModelError):
    """A stored model expects other features than today's code computes."""


class ArtifactRefused(ModelError):
    """The files of a stored model are incomplete or are not what they claim to be."""


class BadCandles(ModelError):
    """A price or volume that no agent may learn from; the text names symbol, field and bar."""

    def __init__(self, symbol: str, field_name: str, bar: int, value: float) -> None:
        super().__init__(f"{symbol}: {field_name} of bar {bar:,} is {value}; import the candles again")
        self.field_name = field_name
        self.bar = bar
