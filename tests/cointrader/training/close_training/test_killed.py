"""Wherever the process that learns from closes is killed, nothing is lost and nothing is learned twice.

Positions, links, rewards and lessons are written by one transaction, which the tests of paper runs kill
between any two writes; here it is the way from the outbox to the stored version and back to the outbox.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.training.close_training.taught_world import close_trades, teaching_job

pytestmark = pytest.mark.xdist_group("torch")

PROGRAM = Path(__file__).parent / "programs" / "teach_and_kill.py"
CLOSES = 3


def runs(world: Workspace, scratch: Path, points: int) -> list[dict[str, Any]]:
    with closing(open_database(world)) as connection:
        close_trades(world, connection, CLOSES)
        teaching_job(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    command = [sys.executable, "-P", str(PROGRAM), str(world.root), str(scratch), str(points)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(found: list[dict[str, Any]]) -> None:
    whole = found[0]["then"]
    states = [lesson[3] for lesson in whole["lessons"]]
    assert states.count("trained") == 2 * CLOSES and states.count("absent") == CLOSES
    assert whole["versions"] == [["cnn", 2], ["dqn", 2]]
    assert [session[:3] for session in whole["sessions"]] == [
        ["cnn", "succeeded", CLOSES],
        ["dqn", "succeeded", CLOSES],
    ]
    assert whole["events"] == CLOSES
    for run in found[1:]:
        # The same lessons, losses and weights to the bit, one version and one session a model.
        assert run["then"] == whole, f"killed {run['killed']}"


@pytest.mark.slow
def test_a_close_is_learned_from_once_wherever_the_process_is_killed(
    world: Workspace, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = runs(world, scratch, points=0)
    assert len({run["killed"] for run in found[1:]}) == 13
    check(found)
    # One of them is the moment after a version was stored and before its lessons were marked.
    (unmarked,) = [
        run
        for run in found[1:]
        if any(session[:2] == ["cnn", "succeeded"] for session in run["between"]["sessions"])
        and all(lesson[3] != "trained" for lesson in run["between"]["lessons"])
    ]
    assert unmarked["killed"] == "between the version and the marks of its lessons"


@pytest.mark.slow
def test_a_close_is_learned_from_once_at_many_more_moments(world: Workspace, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    check(runs(world, scratch, points=60))
