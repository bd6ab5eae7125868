"""What the Paper screen says of the account is what the run's limits count."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from storage.paper_desk import read_desk
from storage.workspace import Workspace
from tests.tui.paper_stepping import SteppedRun, market
from tui.screens.paper_text import account_text
from tui.symbols import UNICODE


def test_the_loss_of_a_day_is_a_share_of_what_the_day_began_with(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    run = SteppedRun(workspace, connection, market())
    run.bars(3)
    desk = read_desk(connection)
    assert desk.run is not None and desk.day is not None
    lost = replace(desk, run=replace(desk.run, end_equity=9_500.0), day=replace(desk.day, pnl=-500.0))
    assert "lost 5.0/" in account_text(lost, 80, UNICODE).plain
    won = replace(desk, run=replace(desk.run, end_equity=10_500.0), day=replace(desk.day, pnl=500.0))
    assert "lost 0.0/" in account_text(won, 80, UNICODE).plain
