"""The list of agents is cheap to read, and every entry leads to real code and honest parameters."""

from __future__ import annotations

import inspect

import pytest

from models import registry
from models.parameters import ParameterError, build, describe


@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("entry", registry.AGENTS, ids=lambda entry: entry.name)
def test_every_agent_listed_has_the_parts_of_an_agent(entry: registry.AgentEntry) -> None:
    module = registry.load(entry.name)
    for name in ("dataset", "split", "total_steps", "fit", "evaluate", "load"):
        assert inspect.isfunction(getattr(module, name)), name
    assert entry.least_rows == module.LEAST_ROWS  # type: ignore[attr-defined]


@pytest.mark.parametrize("entry", registry.AGENTS, ids=lambda entry: entry.name)
def test_every_parameter_has_help_and_a_default_that_it_allows(entry: registry.AgentEntry) -> None:
    chosen = registry.params_class(entry.name)
    for spec in describe(chosen):
        assert spec.help.strip(), spec.name
        assert getattr(build(chosen, {spec.name: spec.default}), spec.name) == spec.default


def test_a_parameter_out_of_range_is_refused_with_its_range() -> None:
    with pytest.raises(ParameterError, match=r"dropout: 1.5 refused: must be 0 to 0\.9"):
        build(registry.params_class("cnn"), {"dropout": "1.5"})


def test_an_unknown_agent_is_refused_with_those_that_exist() -> None:
    with pytest.raises(registry.UnknownAgent, match="known are signal_classifier, cnn"):
        registry.get("oracle")
