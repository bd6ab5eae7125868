"""`cointrader bot` as an operator runs it, on a folder like the bot's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.workspace import Workspace

STAMP = "2025-08-01 12:00:0{second},000 - INFO - {text}\n"
BOT_LOG = (
    (0, "Starting bot"),
    (1, "ML unavailable: SUPABASE_URL is not set"),
    (2, "Starting evaluation cycle"),
    (6, "Cycle timing - Symbols: 0.1s, OHLCV: 1.0s, Analyze: 0.2s, Total: 1.3s"),
    (7, "Starting evaluation cycle"),
)


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    logs = tmp_path / "bot" / "crypto_bot" / "logs"
    logs.mkdir(parents=True)
    (logs / "bot.log").write_text("".join(STAMP.format(second=second, text=text) for second, text in BOT_LOG))
    passing = "Passing to execute: symbol=XBT/USDT, score=0.42, dry_run=True"
    (logs / "symbol_filter.log").write_text(STAMP.format(second=3, text=passing))
    (logs / "trades.csv").write_text("XBT/USDT,buy,0,25000,2025-08-01T12:00:03,False\n")
    cache = tmp_path / "bot" / "cache"
    cache.mkdir()
    (cache / "bootstrap_progress.json").write_text('{"1m": {"fetched": 150, "required": 300}}')
    return tmp_path / "bot"


def run(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-P",
        "-m",
        "cointrader",
        "bot",
        "--workspace",
        str(workspace.root),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True)


def answers(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    done = run(workspace, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_folder_of_a_bot_answers_every_question(workspace: Workspace, bot: Path) -> None:
    state = answers(workspace, "--folder", str(bot), "--timezone", "UTC")
    assert state["doing"]["mode"] == "dry_run"
    assert [finding["code"] for finding in state["why"]["findings"]] == ["silent_gate"]
    assert state["model"]["is_loaded"] is False
    assert state["bootstrap"]["timeframes"][0]["fetched"] == 150
    assert state["files"]["count"] == 4


def test_a_second_look_brings_nothing_twice_and_text_says_the_same(workspace: Workspace, bot: Path) -> None:
    workspace.config.write_text(f'[bot]\nfolder = "{bot}"\ntimezone = "UTC"\n')
    assert answers(workspace) == answers(workspace)
    text = run(workspace).stdout
    assert "min_score_to_trade" in text
    assert "No model is loaded: SUPABASE_URL is not set." in text
    assert "1m 150 of 300 (50%)" in text


def test_a_copied_log_can_be_imported_like_any_file(workspace: Workspace, bot: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "cointrader",
        "import",
        "--json",
        "--workspace",
        str(workspace.root),
    ]
    done = subprocess.run([*command, str(bot), "--zone", "UTC"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = sorted((Path(each["path"]).name, each["kind"], each["rows"]) for each in json.loads(done.stdout))
    assert found == [
        ("bootstrap_progress.json", "bot.snapshot", 1),
        ("bot.log", "bot.log", 5),
        ("symbol_filter.log", "bot.log", 1),
        ("trades.csv", "bot.trades", 1),
    ]
    assert answers(workspace)["why"]["findings"][0]["code"] == "silent_gate"


def test_without_a_folder_it_says_how_to_name_one(workspace: Workspace) -> None:
    done = run(workspace)
    assert done.returncode == 0
    assert "--folder" in done.stdout


def test_a_folder_that_is_not_there_is_wrong_usage(workspace: Workspace, tmp_path: Path) -> None:
    assert run(workspace, "--folder", str(tmp_path / "none")).returncode == 2
