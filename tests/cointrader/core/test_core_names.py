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


def test_all_the_names_together_load_no_torch_no_pandas_and_no_lightgbm() -> None:
    code = (
        "import sys\nfrom cointrader.core import *\n"
        "from cointrader.core.memory.recent_context import RecentContext as R\n"
        "from cointrader.core.learning_layer import ResearchEngine, TrainingModule, RetrainingLoop\n"
        "assert R is RecentContext\n"
        "print([name for name in ('torch', 'pandas', 'lightgbm', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]"]
