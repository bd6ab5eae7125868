"""Workspaces for the console: one of some hundred signals, one of a million; both are only read."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import open_database, transaction
from storage.workspace import Workspace
from tests.tui.trading_workspace import add_many_signals, trading_workspace


@pytest.fixture(scope="session")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """600 signals, 200 of them rejected, 400 positions with everything that belongs to them."""
    return trading_workspace(tmp_path_factory.mktemp("trading"))


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A million signals, one a minute; the i-th has the id i."""
    workspace = trading_workspace(tmp_path_factory.mktemp("million"), 0)
    connection = open_database(workspace)
    try:
        with transaction(connection):
            add_many_signals(connection, 1_000_000)
    finally:
        connection.close()
    return workspace


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace in which nothing has happened."""
    workspace = Workspace(tmp_path / "empty").create()
    open_database(workspace).close()
    return workspace
