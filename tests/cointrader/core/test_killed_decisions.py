"""A process that is killed while it decides loses no decision that it has told, and leaves none by halves."""

import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.core.desk_of_test import Core

PROGRAM = Path(__file__).parent / "programs" / "decide_until_killed.py"
KILLS = 4


def decide_until_killed(workspace: Workspace, prefix: str, after: int) -> set[str]:
    """The ids that the process said before it was gone."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(workspace.root), prefix],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(after)]
        process.kill()
        said += process.stdout.read().splitlines()
    return {line for line in said if line.count("-") == 1}


@pytest.mark.slow
def test_no_told_decision_is_lost_and_every_one_is_whole(workspace: Workspace) -> None:
    chance, told = random.Random(7), set[str]()
    for number in range(KILLS):
        told |= decide_until_killed(workspace, f"k{number}", chance.randint(2, 12))
    with closing(open_database(workspace)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        decided = connection.execute("SELECT signal_key FROM context_record WHERE kind = 'signal'").fetchall()
        assert told <= {key for (key,) in decided}
        signals, accepted = connection.execute(
            "SELECT count(*), sum(status = 'accepted') FROM signal"
        ).fetchone()
        rejected = connection.execute("SELECT count(*) FROM rejection").fetchone()[0]
        counted = connection.execute("SELECT signals, rejections FROM trading_run").fetchall()
    assert signals == len(decided) == accepted + rejected
    assert counted == [(signals, rejected)]
    with closing(Core(workspace)) as again:
        again.desk.refresh()
        held = {item.row_id for item in again.desk.portfolio.held}
        assert held == {row for (row,) in again.rows("SELECT id FROM signal WHERE status = 'accepted'")}
