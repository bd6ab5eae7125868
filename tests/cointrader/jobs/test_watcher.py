"""A real worker watches the inbox and the bot's folder: what is laid there is in the database soon, once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.jobs import list_jobs
from storage.workspace import Workspace
from tests.conftest import Eventually

LOG = "2025-08-01 12:00:00,{0:03} - INFO - [EVAL] SYM{0}/USDT -> cooldown\n"
FILLS = (
    "exchange_trade_id,config_file_path,market,symbol,timestamp,order_id,trade_type,price,amount,trade_fee,"
    "trade_fee_in_quote\n1,c,binance,SEI-USDT,1695032343000,a,BUY,0.1,80,,0.01\n"
)


@contextmanager
def worker(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-P", "-m", "cointrader", "worker", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=workspace.root)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@pytest.fixture
def bot(workspace: Workspace, tmp_path: Path) -> Path:
    logs = tmp_path / "bot" / "crypto_bot" / "logs"
    logs.mkdir(parents=True)
    workspace.config.write_text(f'[bot]\nfolder = "{tmp_path / "bot"}"\ntimezone = "UTC"\n')
    return logs


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def lay(path: Path, text: str) -> None:
    """A file that was finished a while ago, as one that is moved into the inbox is."""
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.mark.slow
def test_what_is_laid_into_the_inbox_is_imported_once_across_restarts(
    workspace: Workspace, connection: sqlite3.Connection, eventually: Eventually
) -> None:
    lay(workspace.inbox / "fills.csv", FILLS)
    lay(workspace.inbox / "fills.csv.part", FILLS)
    with worker(workspace):
        eventually(lambda: count(connection, "position") == 1)
        (workspace.inbox / "bot.log").write_text(LOG.format(1))
        eventually(lambda: count(connection, "bot_event") == 1)
    with worker(workspace):
        with (workspace.inbox / "bot.log").open("a") as log:
            log.write(LOG.format(2))
        eventually(lambda: count(connection, "bot_event") == 2)
    assert [(job.title, job.state) for job in list_jobs(connection)] == [("inbox: fills.csv", "succeeded")]
    assert count(connection, "position") == 1


@pytest.mark.slow
def test_the_bots_folder_is_followed_on_by_the_next_worker(
    workspace: Workspace, connection: sqlite3.Connection, bot: Path, eventually: Eventually
) -> None:
    with worker(workspace) as process:
        (bot / "bot.log").write_text(LOG.format(1))
        eventually(lambda: count(connection, "bot_event") == 1)
    assert process.returncode == 0
    (bot / "bot.log").rename(bot / "bot.log.1")
    (bot / "bot.log").write_text(LOG.format(2))
    with worker(workspace):
        eventually(lambda: count(connection, "bot_event") == 2)
    assert sorted(path.name for path in bot.iterdir()) == ["bot.log", "bot.log.1"]


def test_no_watcher_outlives_a_worker_that_is_killed(
    workspace: Workspace, connection: sqlite3.Connection, bot: Path, eventually: Eventually
) -> None:
    with worker(workspace) as process:
        (bot / "bot.log").write_text(LOG.format(1))
        eventually(lambda: count(connection, "bot_event") == 1)
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
        ).stdout.split()
        assert len(found) == 1
        process.kill()
        process.wait()
        eventually(lambda: not Path(f"/proc/{found[0]}").exists() or _is_zombie(found[0]))


def _is_zombie(pid: str) -> bool:
    return ") Z" in Path(f"/proc/{pid}/stat").read_text()
