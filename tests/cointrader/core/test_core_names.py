"""The names of the agent stand in `cointrader.core`, and importing it loads nothing heavy."""

import subprocess
import sys

import pytest

import cointrader.core

NAMES = (
    *("RecentContext", "SignalFilter", "FlowManager", "LogicExecutor", "TradeCommand", "ExecutionPipeline"),
    *("AgentIO", "ResearchEngine", "TrainingModule", "RetrainingLoop", "CoreAgentLogger"),
)


def test_the_eleven_names_are_listed() -> None:
    assert set(cointrader.core.__all__) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there(name: str) -> None:
    assert getattr(cointrader.core, name).__name__ == name


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Oracle'"):
        _ = cointrader.core.Oracle


def test_importing_the_package_loads_no_arrays() -> None:
    code = "import sys, cointrader.core; print('numpy' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
