"""Fixtures shared by all tests: a fresh workspace, and one that was truly bootstrapped once a session.

The bootstrap runs as the operator runs it, by the command line, with real children; only its trainings are
shorter. All processes of pytest-xdist wait for the first one's and share the result read-only: whoever wants
to change something takes `workspace_copy`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.database import open_database
from storage.workspace import Workspace

REPOSITORY = Path(__file__).parents[1]
SHARED_DATA = Path(os.environ.get("COINTRADER_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
SHORT_TRAININGS = tuple(
    word for param in ("cnn.steps=150", "dqn.steps=200", "cob_rl.steps=20") for word in ("--param", param)
)


@dataclass(frozen=True)
class Bootstrapped:
    """A filled workspace and what `cointrader bootstrap --json` said of it."""

    workspace: Workspace
    summary: dict[str, Any]


@pytest.fixture(autouse=True, scope="session")
def no_workspace_of_the_operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test can reach the workspace of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINTRADER_WORKSPACE", str(tmp_path_factory.mktemp("unchosen") / "workspace"))
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace, its database made."""
    made = Workspace(tmp_path / "workspace").create()
    open_database(made).close()
    return made


@pytest.fixture
def connection(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """A connection to the database of `workspace`."""
    with closing(open_database(workspace)) as opened:
        yield opened


@pytest.fixture(scope="session")
def bootstrapped_workspace(tmp_path_factory: pytest.TempPathFactory) -> Bootstrapped:
    """The one bootstrapped workspace of this run of the tests; do not write to it."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    workspace = Workspace(base / "bootstrapped")
    said = base / "bootstrapped.json"
    with alone(base / "bootstrapped.lock"):
        if not said.exists():
            command = (sys.executable, "-P", "-m", "cointrader", "bootstrap", "--json", *SHORT_TRAININGS)
            done = subprocess.run(
                [*command, "--workspace", str(workspace.root)], capture_output=True, text=True, cwd=base
            )
            assert done.returncode == 0, done.stderr
            said.write_text(done.stdout)
    return Bootstrapped(workspace, json.loads(said.read_text()))


@pytest.fixture
def workspace_copy(bootstrapped_workspace: Bootstrapped, tmp_path: Path) -> Workspace:
    """A bootstrapped workspace of the test's own."""
    return copy_workspace(bootstrapped_workspace.workspace, tmp_path / "copy")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The market data beside a developer's checkout; the test is skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no market data at {SHARED_DATA}; COINTRADER_SHARED_DATA may name another folder")
    return SHARED_DATA


def copy_workspace(source: Workspace, target: Path) -> Workspace:
    """A copy whose database went through SQLite's backup: a plain copy could miss what is in the WAL."""
    copy = Workspace(target)
    database_files = shutil.ignore_patterns("cointrader.db*", "worker.lock")
    shutil.copytree(source.root, target, ignore=database_files)
    with closing(sqlite3.connect(source.database)) as old, closing(sqlite3.connect(copy.database)) as new:
        old.backup(new)
    open_database(copy).close()
    return copy


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


Eventually = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a condition is true and returns its value; fails when it never becomes true.

    The limit only ends a test that would hang: no test passes because of it.
    """
    import time

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 60.0
        while not (value := condition()):
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)
        return value

    return wait
