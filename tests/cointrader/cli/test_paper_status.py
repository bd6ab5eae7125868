"""`cointrader paper` counts the positions of each run as its own, in one look whatever the number of runs."""

from __future__ import annotations

import json
import sqlite3

import pytest

from cointrader.cli.paper_status import show_status
from cointrader.cli.place import Place
from cointrader.settings import Settings
from storage.order_requests import ask_open
from storage.workspace import Workspace
from tests.tui.paper_stepping import SteppedRun, market


def test_each_run_is_told_with_its_own_positions(
    workspace: Workspace, connection: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    traded, idle = SteppedRun(workspace, connection, market()), SteppedRun(workspace, connection)
    traded.bars(3)
    ask_open(connection, "BTC/USDT", "long", notional=500.0, run_id=traded.run_id)
    traded.orders()
    traded.bars(2)
    looks: list[str] = []
    connection.set_trace_callback(lambda sql: looks.append(sql) if "FROM position" in sql else None)
    place = Place(workspace, Settings(), connection)
    show_status(place, None, as_json=True)
    told = {run["run_id"]: run for run in json.loads(capsys.readouterr().out)}
    assert len(looks) == 1
    assert [told[traded.run_id][name] for name in ("open", "closed", "pnl")] == [1, 0, 0.0]
    assert [told[idle.run_id][name] for name in ("open", "closed", "pnl")] == [0, 0, 0.0]
    traded.end()
    show_status(place, traded.run_id, as_json=True)
    ended = json.loads(capsys.readouterr().out)
    assert (ended["open"], ended["closed"]) == (0, 1)
    assert ended["pnl"] == pytest.approx(ended["equity"] - 10_000.0)
