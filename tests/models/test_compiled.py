"""Compiled kernels are kept between processes, apart from each other, and never outlive their sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALLEE = "from models.compiled import kernel\n\n@kernel\ndef inner(x):\n    return x * {factor}\n"
CALLER = (
    "from models.compiled import kernel\nfrom plant.callee import inner\n\n"
    "@kernel\ndef outer(x):\n    return inner(x) + 1.0\n"
)
PROGRAM = (
    "from plant.caller import outer; from models.compiled import cache_folder; "
    "print(outer(2.0), cache_folder('plant'), sum(outer.stats.cache_hits.values()))"
)
REPOSITORY = Path(__file__).parents[2]


def run(folder: Path, program: str = PROGRAM, **environment: str) -> list[str]:
    plain = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    paths = os.pathsep.join((str(folder), str(REPOSITORY)))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**plain, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(folder / "cache"), **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return done.stdout.split()


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A package of two files, one kernel calling the other's."""
    package = tmp_path / "plant"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "callee.py").write_text(CALLEE.format(factor="10.0"))
    (package / "caller.py").write_text(CALLER)
    return tmp_path


def test_an_edited_callee_in_another_file_is_noticed(plant: Path) -> None:
    first = run(plant)
    assert first[0] == "21.0"
    assert run(plant) == [*first[:2], "1"], "the second process takes the compiled code from the cache"
    caller = plant / "plant" / "caller.py"
    before = caller.stat()
    (plant / "plant" / "callee.py").write_text(CALLEE.format(factor="20.0"))
    os.utime(caller, ns=(before.st_atime_ns, before.st_mtime_ns))
    edited = run(plant)
    assert edited[0] == "41.0"
    assert edited[1] != first[1]


def test_the_cache_lies_in_the_users_cache_folder(plant: Path) -> None:
    folder = Path(run(plant)[1])
    assert folder.is_relative_to(plant / "cache" / "cointrader" / "kernels")
    assert list(folder.rglob("*.nbc"))
    assert not list((plant / "plant").rglob("*.nbc"))


def test_a_cache_folder_of_the_user_is_honoured(plant: Path) -> None:
    chosen = plant / "chosen"
    run(plant, NUMBA_CACHE_DIR=str(chosen))
    assert list(chosen.rglob("*.nbc"))
    assert not (plant / "cache").exists()


def test_importing_the_module_loads_nothing(plant: Path) -> None:
    program = "import sys; import models.compiled; print([m for m in ('numba', 'numpy') if m in sys.modules])"
    assert run(plant, program) == ["[]"]
