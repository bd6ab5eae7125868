"""Workspaces for the console: one of some hundred signals, one of a million.

Each is made once a run, by whichever process of pytest-xdist comes first, and only read.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.database import open_database, transaction
from storage.workspace import Workspace
from tests.conftest import alone
from tests.tui.paper_stepping import SteppedRun, market
from tests.tui.trading_workspace import add_many_signals, trading_workspace
from tui import launch


@pytest.fixture(scope="session")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """600 signals, 200 of them rejected, 400 positions with everything that belongs to them."""
    return _made_once(tmp_path_factory, "trading", lambda root: trading_workspace(root))


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A million signals, one a minute; the i-th has the id i."""
    return _made_once(tmp_path_factory, "million", _million)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """Workspaces for which a worker was asked; none is started."""
    asked: list[Workspace] = []
    monkeypatch.setattr(launch, "ensure_worker", asked.append)
    return asked


@pytest.fixture
def run(workspace: Workspace, connection: sqlite3.Connection) -> SteppedRun:
    """A paper run of two symbols after three bars."""
    stepped = SteppedRun(workspace, connection, market(), market("ETH/USDT", 10.0))
    stepped.bars(3)
    return stepped


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace in which nothing has happened."""
    workspace = Workspace(tmp_path / "empty").create()
    open_database(workspace).close()
    return workspace


def _million(root: Path) -> Workspace:
    workspace = trading_workspace(root, 0)
    connection = open_database(workspace)
    try:
        # Nobody keeps this database: it need not survive a power cut.
        connection.execute("PRAGMA synchronous = OFF")
        with transaction(connection):
            add_many_signals(connection, 1_000_000)
    finally:
        connection.close()
    return workspace


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Workspace]) -> Workspace:
    base = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    done = base / f"{name}.done"
    with alone(base / f"{name}.lock"):
        if not done.exists():
            make(base / name)
            done.touch()
    return Workspace(base / name)
