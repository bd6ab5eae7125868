"""`cointrader collect` and `cointrader setups`: from a file of candles to ranked setups."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.jobs import list_jobs
from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.cointrader.cli.test_candles import candle_file


@pytest.mark.slow
def test_setups_are_collected_validated_and_printed(workspace: Workspace, tmp_path: Path) -> None:
    path = candle_file(tmp_path / "SOL_USDT_5m.csv")
    assert cointrader("import", str(path), workspace=workspace.root).returncode == 0
    done = cointrader("collect", "--wait", "--json", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["state"] == "succeeded"
    assert told["collected"] > 100
    assert told["validated"] + told["waiting"] == told["collected"]
    assert told["experiences"] == 3 * told["validated"]
    (line,) = told["series"]
    assert (line["symbol"], line["timeframe"], line["bars"]) == ("SOL/USDT", "5m", 600)

    rows = json.loads(
        cointrader("setups", "--filter", "state:validated", "--json", workspace=workspace.root).stdout
    )
    assert len(rows) == told["validated"]
    assert [row["priority"] for row in rows] == sorted((row["priority"] for row in rows), reverse=True)
    shown = cointrader("setups", "--limit", "3", workspace=workspace.root)
    assert len(shown.stdout.splitlines()) == 5

    again = cointrader("collect", "--wait", workspace=workspace.root)
    assert again.returncode == 0, again.stderr
    assert "SOL/USDT 5m" in again.stdout


@pytest.mark.slow
def test_hourly_candles_say_why_there_is_no_outcome(workspace: Workspace, tmp_path: Path) -> None:
    lines = candle_file(tmp_path / "five.csv").read_text().splitlines()
    hourly = [lines[0]]
    for bar, line in enumerate(lines[1:301]):
        hourly.append(",".join([str(1_700_002_800 + 3_600 * bar), *line.split(",")[1:]]))
    path = tmp_path / "SOL_USDT_1h.csv"
    path.write_text("\n".join(hourly) + "\n")
    imported = cointrader("import", str(path), workspace=workspace.root)
    assert imported.returncode == 0, imported.stderr
    done = cointrader("collect", "--wait", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    assert "the horizon of 15 min is shorter than a bar of 1h" in done.stdout
    assert "training.horizon_minutes" in done.stdout
    rows = json.loads(cointrader("setups", "--json", workspace=workspace.root).stdout)
    assert {row["state"] for row in rows} == {"incomplete"}

    workspace.config.write_text("[training]\nhorizon_minutes = 60\n")
    longer = json.loads(cointrader("collect", "--wait", "--json", workspace=workspace.root).stdout)
    assert longer["validated"] > 50
    assert longer["incomplete"] == 0


def test_what_is_not_there_is_said_before_anything_is_queued(workspace: Workspace) -> None:
    done = cointrader("collect", "--symbols", "BTC/USDT", workspace=workspace.root)
    assert done.returncode == 1
    assert "BTC/USDT" in done.stderr and "import" in done.stderr
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert list_jobs(connection) == []


@pytest.mark.parametrize("command", [["collect"], ["backtest"], ["import", "candles.csv"]])
def test_what_is_no_timeframe_is_wrong_usage_that_says_how_to_write_one(
    workspace: Workspace, command: list[str]
) -> None:
    done = cointrader(*command, "--timeframe", "7q", workspace=workspace.root)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "'7q' is not a timeframe; write a number and s, m, h, d or w, such as 5m or 1h" in done.stderr
