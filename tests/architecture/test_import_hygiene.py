"""What a start of the console must not load, proved in a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy",
    "torch",
    "lightgbm",
    "sklearn",
    "pandas",
    "numpy",
    "pyarrow",
    "scipy",
    "numba",
    "alembic",
)


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "tui.app",
        "cointrader.settings",
        "models.registry",
        "storage.workspace",
        "storage.database",
        "storage.pages",
        "storage.filters",
        "storage.jobs",
        "storage.chain",
        "storage.overview",
        "storage.curves",
        "storage.steps",
        "storage.replays",
        "storage.setup_counts",
        "storage.setups",
        "storage.setup_packs",
        "storage.collection",
        "cointrader.training.replaying.candidates",
    ],
)
def test_what_the_console_reads_loads_no_heavy_library(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint(HEAVY)


@pytest.mark.parametrize("agent", ["signal_classifier", "cnn", "cob_rl", "signal_quality", "decision"])
def test_the_parameters_of_an_agent_load_no_heavy_library(agent: str) -> None:
    statement = f"import models.registry as r; r.params_class({agent!r})"
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_printing_the_version_loads_neither_the_console_nor_arrays() -> None:
    statement = (
        "import runpy, sys\nsys.argv = ['cointrader', '--version']\n"
        "try:\n    runpy.run_module('cointrader', run_name='__main__')\nexcept SystemExit:\n    pass"
    )
    assert loaded_by(statement).isdisjoint({*HEAVY, "textual"})


def test_the_check_sees_a_heavy_library_when_one_is_loaded() -> None:
    assert "numpy" in loaded_by("import numpy")
