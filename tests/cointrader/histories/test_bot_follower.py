"""A bot's folder, written by one process and followed by another: every row once, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cointrader.histories.bot_follower import BotFollower, FollowReport
from cointrader.settings import Settings
from storage.workspace import Workspace

PROGRAMS = Path(__file__).parent / "programs"
REPOSITORY = Path(__file__).parents[3]


@contextmanager
def program(name: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "bot" / "crypto_bot" / "logs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def follower(connection: sqlite3.Connection) -> BotFollower:
    return BotFollower(connection, Settings(), ZoneInfo("UTC"))


def look(follower: BotFollower, logs: Path) -> FollowReport:
    return follower.look(logs.parents[1])


def column(connection: sqlite3.Connection, sql: str) -> list[object]:
    return [row[0] for row in connection.execute(sql).fetchall()]


def log(number: int) -> str:
    return f"2025-08-01 12:00:00,{number:03} - INFO - [EVAL] SYM{number}/USDT -> cooldown\n"


LINE_COUNT = 2_000


def check_whole(connection: sqlite3.Connection) -> None:
    """Every row that `write.py` wrote is there, and none twice."""
    symbols = "SELECT symbol FROM bot_event WHERE reason = '{}' ORDER BY id"
    every = [f"SYM{number}/USDT" for number in range(LINE_COUNT)]
    assert sorted(map(str, column(connection, symbols.format("below_min_score")))) == sorted(every)
    doubled = column(connection, symbols.format("cooldown"))
    assert sorted(map(str, doubled)) == sorted(every[::10])
    moments = column(connection, "SELECT ts_ms FROM bot_trade ORDER BY id")
    assert moments == [1_700_000_000_000 + number for number in range(LINE_COUNT)]
    assert column(connection, "SELECT count(*) FROM quarantine") == [0]
    results = column(connection, "SELECT pnl FROM bot_pnl ORDER BY ts_ms")
    assert results == [float(number) for number in range(0, LINE_COUNT, 20)]
    assert column(connection, "SELECT count(*) FROM position") == [LINE_COUNT // 2]
    assert column(connection, "SELECT count(*) FROM position WHERE state <> 'closed'") == [0]


@pytest.mark.slow
def test_every_row_is_there_once_after_rotation_and_kills_of_the_reader(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    bot = tmp_path / "bot"
    with program("write", bot, LINE_COUNT, 20_000) as writer:
        word = said(writer)
        while word == "wrote":
            with program("follow", workspace.root, bot) as reader:
                assert said(reader) == "looked"
                assert writer.stdin is not None
                writer.stdin.write("\n")
                writer.stdin.flush()
                word = said(writer)  # the reader was reading what came, and is killed in the middle of it
                reader.kill()
                reader.wait()
    assert (bot / "crypto_bot/logs/bot.log.3").exists()
    BotFollower(connection, Settings(), ZoneInfo("UTC")).look(bot)
    check_whole(connection)


def test_nothing_in_the_folder_is_touched_and_secrets_are_not_opened(
    follower: BotFollower, logs: Path, tmp_path: Path
) -> None:
    secrets = [logs.parent / "user_config.yaml", tmp_path / "bot" / ".env"]
    for path in secrets:
        path.write_text("SUPABASE_KEY=secret")
        os.utime(path, ns=(1, 1))
    (logs / "bot.log").write_text(log(1))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("bot/**/*")}
    audited: list[str] = []
    watching = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and event == "open" and "bot" in str(arguments[0]):
            audited.append(f"{arguments[0]} {arguments[1]}")

    sys.addaudithook(hook)
    assert look(follower, logs).rows == 1
    watching[0] = False
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("bot/**/*")} == before
    opened = [entry for entry in audited if str(logs.parents[1]) in entry]
    assert opened
    assert not [entry for entry in opened if ".env" in entry or "user_config" in entry]
    assert all(entry.split()[-1] in ("r", "rb") for entry in opened)


def test_half_a_line_waits_for_its_end(
    follower: BotFollower, connection: sqlite3.Connection, logs: Path
) -> None:
    path = logs / "bot.log"
    path.write_text(log(1) + log(2)[:40])
    assert look(follower, logs).rows == 1
    with path.open("a") as file:
        file.write(log(2)[40:])
    assert look(follower, logs).rows == 1
    assert column(connection, "SELECT line FROM bot_event ORDER BY id") == [1, 2]


def test_a_file_that_was_cut_and_written_anew_is_read_from_its_beginning(
    follower: BotFollower, connection: sqlite3.Connection, logs: Path
) -> None:
    path = logs / "bot.log"
    path.write_text(log(1) + log(2))
    look(follower, logs)
    path.write_text("".join(map(log, range(3, 9))))  # longer than before, and another text
    look(follower, logs)
    assert column(connection, "SELECT symbol FROM bot_event ORDER BY id") == [
        f"SYM{n}/USDT" for n in range(1, 9)
    ]
    assert column(connection, "SELECT state FROM source_file ORDER BY id") == ["done", "tailing"]


def test_lines_written_between_the_last_look_and_a_rotation_are_not_lost(
    follower: BotFollower, connection: sqlite3.Connection, logs: Path
) -> None:
    path = logs / "bot.log"
    path.write_text(log(1))
    look(follower, logs)
    path.write_text(log(1) + log(2).rstrip("\n"))  # its last line has no end any more
    path.rename(logs / "bot.log.1")
    path.write_text(log(3))
    look(follower, logs)
    assert column(connection, "SELECT symbol FROM bot_event ORDER BY id") == [
        f"SYM{n}/USDT" for n in (1, 2, 3)
    ]


def test_a_copy_of_a_log_brings_nothing_twice(
    follower: BotFollower, connection: sqlite3.Connection, logs: Path
) -> None:
    (logs / "bot.log").write_text(log(1) + log(2))
    look(follower, logs)
    shutil.copy(logs / "bot.log", logs / "bot.log.1")
    (logs / "bot.log").write_text(log(3))
    look(follower, logs)
    assert column(connection, "SELECT count(*) FROM bot_event") == [3]


def test_half_a_json_keeps_the_last_good_state(
    follower: BotFollower, connection: sqlite3.Connection, logs: Path
) -> None:
    path = logs / "strategy_stats.json"
    path.write_text('{"trend_bot": {"trades": 1}}')
    look(follower, logs)
    path.write_text('{"trend_bot": {"tra')
    assert look(follower, logs).half_written == (str(path),)
    assert column(connection, "SELECT data_json FROM bot_event") == ['{"trend_bot": {"trades": 1}}']
    path.write_text('{"trend_bot": {"trades": 2}}')
    assert look(follower, logs).rows == 1


def test_an_exit_booked_in_three_files_counts_once_and_knows_its_regime(
    follower: BotFollower, connection: sqlite3.Connection, logs: Path
) -> None:
    (logs / "trades.csv").write_text(
        "XBT/USDT,buy,2,100,2025-08-01T09:00:00,False\nXBT/USDT,sell,2,110,2025-08-01T10:00:00,False\n"
    )
    (logs / "regime_pnl.csv").write_text(
        "timestamp,regime,strategy,pnl\n2025-08-01T10:00:00.5,trending,trend_bot,20\n"
        "2025-08-01T10:00:00.6,trending,trend_bot,0.1\n"
    )
    records = [{"timestamp": "2025-08-01T10:00:01", "pnl": value} for value in (20.0, 10.0)]
    (logs / "strategy_performance.json").write_text(json.dumps({"trending": {"trend_bot": records}}))
    look(follower, logs)
    (logs / "strategy_pnl.csv").write_text(
        "timestamp,strategy,symbol,entry_price,exit_price,pnl,confidence,direction\n"
        "2025-08-01T10:00:00.4,trend_bot,XBT/USDT,100,110,20,0.7,buy\n"
    )
    look(follower, logs)
    counted = "SELECT strategy || ' ' || regime || ' ' || pnl FROM bot_pnl WHERE source NOT LIKE '%/%'"
    assert column(connection, counted) == ["trend_bot trending 20.0"]
    assert sorted(map(str, column(connection, "SELECT source FROM bot_pnl"))) == [
        *("performance/per_unit", "performance/quote", "regime_pnl/fraction", "regime_pnl/quote"),
        "strategy_pnl",
    ]
    assert column(connection, "SELECT strategy FROM position") == ["trend_bot"]
    assert column(connection, "SELECT confidence FROM signal") == [0.7]
