"""One world in which models decide, built once a process and copied for each test."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.training.close_training.taught_world import decided_workspace


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = decided_workspace(tmp_path_factory.mktemp("decided") / "workspace")
    with closing(open_database(made)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return made.root


@pytest.fixture
def world(decided: Path, tmp_path: Path) -> Workspace:
    """A copy that the test may change."""
    return Workspace(Path(shutil.copytree(decided, tmp_path / "world")))


@pytest.fixture
def opened(world: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(open_database(world)) as connection:
        yield connection
