"""A reader that is killed at any statement that it sends to the database leaves a state to go on from."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cointrader.histories.bot_follower import BotFollower
from cointrader.settings import Settings
from storage.database import open_database
from storage.workspace import Workspace

# Equal rows: only the place in the file tells that they are two, so that reading one again would count.
TRADE = "XBT/USDT,{side},0.1,25000,1700000000000,False\n"
LOG = "2025-08-01 12:00:00,{0:03} - INFO - [EVAL] SYM{0}/USDT -> cooldown\n"


def follow(workspace: Workspace, bot: Path, kill_at: int = 0) -> int:
    """Looks once; returns how many statements that took. Kills its own process at the n-th."""
    statements = 0

    def count(statement: str) -> None:
        nonlocal statements
        statements += 1
        if statements == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with closing(open_database(workspace)) as connection:
        connection.set_trace_callback(count)
        BotFollower(connection, Settings(), ZoneInfo("UTC")).look(bot)
    return statements


def killed(workspace: Workspace, bot: Path, at: int) -> None:
    """Looks in a process that is killed at its n-th statement."""
    child = os.fork()
    if child == 0:
        try:
            follow(workspace, bot, at)
        finally:
            os._exit(0)  # only reached when it was not killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def kept(workspace: Workspace) -> tuple[object, ...]:
    counts = "SELECT (SELECT count(*) FROM bot_trade), (SELECT count(*) FROM bot_event), "
    counts += "(SELECT count(*) FROM position), (SELECT sum(pnl) FROM position), "
    counts += "(SELECT count(*) FROM position_fill), (SELECT sum(rows) FROM source_file)"
    with closing(sqlite3.connect(workspace.database)) as connection:
        return tuple(connection.execute(counts).fetchone())


@pytest.mark.slow
def test_every_row_is_kept_once_wherever_the_reader_dies(tmp_path: Path) -> None:
    bot = tmp_path / "bot"
    bot.mkdir()
    (bot / "trades.csv").write_text("".join(TRADE.format(side=side) for side in ("buy", "buy", "sell")))
    (bot / "bot.log").write_text(LOG.format(1) + LOG.format(2))
    template = Workspace(tmp_path / "template").create()
    open_database(template).close()
    # The first look of a process asks some things once; the killed ones come from one that has asked.
    for name in ("first", "whole"):
        whole = Workspace(tmp_path / name).create()
        shutil.copy(template.database, whole.database)
        statements = follow(whole, bot)
    assert kept(whole)[:3] == (3, 2, 2)
    for number in range(1, statements + 1):
        workspace = Workspace(tmp_path / f"killed-{number}").create()
        shutil.copy(template.database, workspace.database)
        killed(workspace, bot, number)
        follow(workspace, bot)
        assert kept(workspace) == kept(whole), f"killed at statement {number}"
        shutil.rmtree(workspace.root)
