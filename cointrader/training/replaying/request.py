"""What is to be replayed, as a value: checked when it is asked for, and kept with the replay as JSON.

The arguments of a job of kind `replay` are exactly `ReplayRequest.arguments`. Standard library only: the
command line and the console make requests before anything heavy is imported.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cointrader.training.replaying.errors import AgentWithoutReplay, ReplayRefused, WrongRequest
from models import registry

REPLAYED_AGENTS = ("cnn", "dqn")
MOST_SETUPS = 10_000_000
PROFITABLE_SCORE = 0.7
"""Score from which a setup is a profitable episode."""


class ReplayKind(enum.StrEnum):
    """Setups that paid, setups by priority, setups that were named, a session, or steps that were kept."""

    PROFITABLE = "profitable"
    PRIORITISED = "prioritised"
    SELECTED = "selected"
    SESSION = "session"
    VERIFY = "verify"
    REAPPLY = "reapply"


OF_SETUPS = (ReplayKind.PROFITABLE, ReplayKind.PRIORITISED, ReplayKind.SELECTED)
OF_STEPS = (ReplayKind.VERIFY, ReplayKind.REAPPLY)


@dataclass(frozen=True)
class ReplayRequest:
    """One replay. What a kind does not use is empty.

    `top` is how many setups at most (0: no limit), `min_profitability` the score from which a setup counts
    (0: the default of the kind), `filter` narrows the setups in the language of the console, `setups` are
    numbers named by hand. `session` is what the kinds of sessions and steps replay, `first` to `last` its
    steps (None: all). `params` are parameters of the agent as texts.
    """

    kind: ReplayKind
    agent: str = ""
    top: int = 500
    min_profitability: float = 0.0
    filter: str = ""
    setups: tuple[int, ...] = ()
    session: int | None = None
    first: int | None = None
    last: int | None = None
    seed: int = 0
    params: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind in OF_SETUPS:
            self._check_setups()
        elif self.session is None:
            raise WrongRequest(f"a replay of kind {self.kind} needs the number of a session")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise WrongRequest(f"the first step, {self.first:,}, comes after the last, {self.last:,}")

    def _check_setups(self) -> None:
        if registry.get(self.agent).name not in REPLAYED_AGENTS:
            raise AgentWithoutReplay(self.agent, REPLAYED_AGENTS)
        if not 0 <= self.top <= MOST_SETUPS:
            raise WrongRequest(f"top is {self.top:,}; it must be 0 (no limit) to {MOST_SETUPS:,}")
        if not 0.0 <= self.min_profitability < 1.0:
            raise WrongRequest(
                f"the least profitability is {self.min_profitability}; it must be 0 to below 1"
            )
        if self.kind is ReplayKind.SELECTED and not (self.setups or self.filter.strip()):
            raise WrongRequest("no setups were selected: name them, or give a filter")

    @property
    def least_score(self) -> float:
        """The score from which a setup counts for this kind, before the setting of eligibility."""
        if self.min_profitability > 0.0 or self.kind is not ReplayKind.PROFITABLE:
            return self.min_profitability
        return PROFITABLE_SCORE

    @property
    def title(self) -> str:
        """The job in a few words."""
        match self.kind:
            case ReplayKind.SESSION:
                return f"Replay session {self.session}"
            case ReplayKind.VERIFY:
                return f"Verify the steps of session {self.session}"
            case ReplayKind.REAPPLY:
                return f"Reapply the steps of session {self.session}"
            case ReplayKind.SELECTED:
                return f"Replay selected setups with {self.agent}"
        which = (
            "most profitable setups" if self.kind is ReplayKind.PROFITABLE else "setups of highest priority"
        )
        return f"Replay the {f'{self.top:,} ' if self.top else ''}{which} with {self.agent}"

    @property
    def arguments(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "kind": self.kind.value,
            "agent": self.agent,
            "top": self.top,
            "min_profitability": self.min_profitability,
            "filter": self.filter,
            "setups": list(self.setups),
            "session": self.session,
            "first": self.first,
            "last": self.last,
            "seed": self.seed,
            "params": dict(self.params),
        }

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> ReplayRequest:
        """The inverse of `arguments`; what is left out has its default. Raises ReplayRefused."""
        known = {name for name in cls.__dataclass_fields__ if name not in ("kind", "setups")}
        try:
            kind = ReplayKind(arguments["kind"])
        except (KeyError, ValueError):
            raise ReplayRefused(
                f"no replay is of kind {arguments.get('kind')!r}; kinds are {', '.join(ReplayKind)}"
            ) from None
        given = {name: value for name, value in arguments.items() if name in known}
        return cls(kind, setups=tuple(int(setup) for setup in arguments.get("setups", ())), **given)
