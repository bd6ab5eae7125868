"""The program in `examples/` runs as its first line says, in a process of its own."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import connect
from storage.workspace import Workspace

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("torch")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, object]]:
    """A workspace that the program has filled, and what it printed."""
    folder = tmp_path_factory.mktemp("example") / "workspace"
    command = [sys.executable, "-m", "examples.own_components", "--workspace", str(folder), "--bars", "8000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return Workspace(folder), json.loads(done.stdout)


def test_a_programs_own_parts_are_collected_from_and_trained(
    played: tuple[Workspace, dict[str, object]],
) -> None:
    told = played[1]
    assert told["last_error"] == ""
    sessions = told["sessions"]
    assert isinstance(sessions, dict) and sessions["cnn"] >= 2 and sessions["dqn"] >= 1


def test_its_decisions_and_trades_are_in_the_workspace(played: tuple[Workspace, dict[str, object]]) -> None:
    with closing(connect(played[0].database, readonly=True)) as connection:
        assert count(connection, "setup WHERE origin = 'signal' AND taken = 0") > 5
        assert count(connection, "experience WHERE source = 'close'") > 5
        lineage = connection.execute("SELECT DISTINCT provenance FROM setup").fetchall()
    assert lineage == [("playback",)]


def test_every_session_of_its_own_models_is_journalled(played: tuple[Workspace, dict[str, object]]) -> None:
    with closing(connect(played[0].database, readonly=True)) as connection:
        kept = connection.execute(
            "SELECT s.agent, s.state, j.mode, j.last_step = s.step FROM session AS s "
            "JOIN journal AS j ON j.session_id = s.id"
        ).fetchall()
    assert set(kept) == {("cnn", "succeeded", "full", 1), ("dqn", "succeeded", "full", 1)}


def count(connection: sqlite3.Connection, what: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {what}").fetchall()[0][0])
