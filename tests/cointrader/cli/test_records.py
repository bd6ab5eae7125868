"""Signals, rejections and positions on the command line: the tables of the console, as text."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
from contextlib import closing
from typing import Any

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import PROGRAM, cointrader
from tests.conftest import Bootstrapped


def scalar(workspace: Workspace, query: str) -> Any:
    with closing(sqlite3.connect(workspace.database)) as connection:
        return connection.execute(query).fetchone()[0]


@pytest.mark.parametrize("table", ["signals", "rejections", "positions", "setups"])
def test_json_and_csv_hold_every_row(bootstrapped_workspace: Bootstrapped, table: str) -> None:
    workspace = bootstrapped_workspace.workspace
    count = scalar(workspace, f"SELECT count(*) FROM {table.removesuffix('s')}")
    rows = json.loads(cointrader(table, "--json", workspace=workspace.root).stdout)
    assert len(rows) == count > 1000  # more than one page
    assert len({row["id"] for row in rows}) == count
    lines = cointrader(table, "--jsonl", workspace=workspace.root).stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table_rows = list(
        csv.DictReader(io.StringIO(cointrader(table, "--csv", workspace=workspace.root).stdout))
    )
    assert [int(row["id"]) for row in table_rows] == [row["id"] for row in rows]


def test_a_filter_and_an_order_are_those_of_the_console(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    arguments = ["positions", "--filter", "symbol:btc side:long pnl>0", "--sort=+pnl", "--json"]
    rows = json.loads(cointrader(*arguments, workspace=workspace.root).stdout)
    pnl = [row["pnl"] for row in rows]
    assert pnl == sorted(pnl)
    query = "SELECT count(*) FROM position WHERE symbol = 'BTC/USDT' AND side = 'long' AND pnl > 0"
    assert len(rows) == scalar(workspace, query) > 0
    assert {row["symbol"] for row in rows} == {"BTC/USDT"}


def test_an_order_by_a_column_without_an_index_is_whole(bootstrapped_workspace: Bootstrapped) -> None:
    rows = json.loads(
        cointrader(
            "positions", "--sort=-reward", "--json", workspace=bootstrapped_workspace.workspace.root
        ).stdout
    )
    rewards = [row["reward"] for row in rows]
    assert rewards == sorted(rewards, reverse=True)
    assert len(rows) == bootstrapped_workspace.summary["closed_positions"]


def test_people_see_some_rows_and_how_many_there_are(bootstrapped_workspace: Bootstrapped) -> None:
    done = cointrader("signals", "--limit", "3", workspace=bootstrapped_workspace.workspace.root)
    header, *rows, last = done.stdout.splitlines()
    assert header.split()[:2] == ["time", "symbol"]
    assert len(rows) == 3
    assert last.startswith(f"3 of {bootstrapped_workspace.summary['signals']:,}")


def test_a_reader_that_leaves_early_is_no_error(bootstrapped_workspace: Bootstrapped) -> None:
    root = bootstrapped_workspace.workspace.root
    command = [*PROGRAM, "signals", "--jsonl", "--workspace", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["id"] > 0
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0
    process.stderr.close()


def test_the_chain_of_a_position_adds_up(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    position_id = scalar(workspace, "SELECT max(id) FROM position")
    chain = json.loads(cointrader("position", str(position_id), "--json", workspace=workspace.root).stdout)
    assert chain["position"]["id"] == position_id
    assert chain["decision"]["accepted"] is True
    assert {fill["kind"] for fill in chain["fills"]} == {"entry", "exit"}
    (reward,) = chain["rewards"]
    assert reward["total"] == pytest.approx(chain["position"]["reward"])
    told = cointrader("position", str(position_id), workspace=workspace.root).stdout
    assert told.startswith(f"signal #{chain['signal']['id']}")
    missing = cointrader("position", "999999999", workspace=workspace.root)
    assert missing.returncode == 1
    assert missing.stderr == "cointrader: there is no position 999999999\n"
