"""Every strategy that exists; adding one is a folder and a line here.

Standard library only: names and parameters are listed without loading NumPy or Numba.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from models.parameters import build

if TYPE_CHECKING:
    from cointrader.strategies.base import Strategy


class UnknownStrategy(ValueError):
    """A name that is no strategy; the text lists those that are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no strategy named {name!r}; known are {', '.join(names())}")
        self.name = name


@dataclass(frozen=True)
class StrategyEntry:
    """One strategy as lists and forms show it; `params` and `code` are "module:attribute"."""

    name: str
    title: str
    purpose: str
    params: str
    code: str


STRATEGIES: tuple[StrategyEntry, ...] = (
    StrategyEntry(
        name="momentum",
        title="Momentum",
        purpose="Follows the cross of two exponential averages when the rate of change agrees.",
        params="cointrader.strategies.momentum.params:MomentumParams",
        code="cointrader.strategies.momentum.strategy:MOMENTUM",
    ),
    StrategyEntry(
        name="mean_bot",
        title="Mean reversion",
        purpose="Trades back to the mean of an Ornstein-Uhlenbeck fit while the price is stationary.",
        params="cointrader.strategies.mean_bot.params:MeanBotParams",
        code="cointrader.strategies.mean_bot.strategy:MEAN_BOT",
    ),
)

# Names that older bots write into their signals; they count as registered.
KNOWN_ELSEWHERE = ("momentum", "mean_reversion", "arbitrage")


def names() -> tuple[str, ...]:
    """The names of all strategies."""
    return tuple(entry.name for entry in STRATEGIES)


def get(name: str) -> StrategyEntry:
    """The entry of a strategy; raises UnknownStrategy."""
    for entry in STRATEGIES:
        if entry.name == name:
            return entry
    raise UnknownStrategy(name)


def params_class(name: str) -> type[Any]:
    """The dataclass of a strategy's parameters."""
    return cast("type[Any]", _attribute(get(name).params))


def build_params(name: str, values: Mapping[str, Any] | None = None) -> Any:
    """Checked parameters; raises ParameterError naming the range."""
    return build(params_class(name), values)


def load(name: str) -> Strategy:
    """The strategy itself, and with it NumPy and Numba."""
    return cast("Strategy", _attribute(get(name).code))


def _attribute(place: str) -> object:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
