"""Histories become positions with fills, outcomes and, where they are known, signals; growth adds to them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cointrader.histories.store import store_history
from cointrader.interop.lots import Execution, pair_first_in_first_out
from cointrader.interop.trade_history import TradeHistory
from cointrader.settings import RewardSettings
from storage.chain import position_chain
from storage.database import open_database, transaction
from storage.workspace import Workspace

START = 1_700_000_000_000


def history(*parts: tuple[str, float, float]) -> TradeHistory:
    executions = [
        Execution(n, START + 60_000 * n, "xbt-usdt", side, qty, price, 0.1, "bot")
        for n, (side, qty, price) in enumerate(parts)
    ]
    return TradeHistory("tester", len(executions), pair_first_in_first_out(executions))


def keep(connection: sqlite3.Connection, told: TradeHistory) -> int:
    with transaction(connection):
        return store_history(connection, told, source="bot", settings=RewardSettings()).run_id


def rows(connection: sqlite3.Connection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql).fetchall()


def dump(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    columns = "symbol, side, state, qty, entry_price, exit_price, closed_ms, gross, fees, pnl, reward"
    return [
        rows(connection, f"SELECT {columns} FROM position ORDER BY id"),
        rows(
            connection,
            "SELECT position_id, ts_ms, kind, qty, price, fee FROM position_fill ORDER BY position_id, id",
        ),
        rows(
            connection,
            "SELECT position_id, total, normalized, comprehensive FROM reward ORDER BY position_id",
        ),
        rows(connection, "SELECT ts_ms, equity, exposure FROM equity_point ORDER BY ts_ms"),
    ]


STEPS = (
    ("buy", 1.0, 100.0),
    ("buy", 1.0, 102.0),
    ("sell", 1.5, 110.0),
    ("sell", 0.5, 101.0),
    ("buy", 1.0, 90.0),
)


def test_a_closed_position_has_fills_an_outcome_and_a_chain(connection: sqlite3.Connection) -> None:
    keep(connection, history(*STEPS[:4]))
    chain = position_chain(connection, 1)
    assert chain.position is not None
    assert (chain.position.symbol, chain.position.origin, chain.position.provenance) == (
        "BTC/USDT",
        "import",
        "import",
    )
    assert [fill.kind for fill in chain.fills] == ["entry", "exit"]
    assert chain.position.pnl == pytest.approx(10.0 - 0.1 - 0.1 / 1.5)
    assert chain.rewards[0].total == pytest.approx(sum(chain.rewards[0].normalized_parts.values()))
    assert chain.position.reward == chain.rewards[0].total


def test_a_history_that_grew_ends_as_one_read_at_once(connection: sqlite3.Connection, tmp_path: Path) -> None:
    runs = {keep(connection, history(*STEPS[:count])) for count in range(2, len(STEPS) + 1)}
    other = open_database(Workspace(tmp_path / "other").create())
    keep(other, history(*STEPS))
    assert len(runs) == 1
    grown, at_once = dump(connection), dump(other)
    assert grown[:2] == at_once[:2]
    assert [len(part) for part in grown] == [len(part) for part in at_once]
    other.close()


def test_reading_the_same_history_again_changes_no_position(connection: sqlite3.Connection) -> None:
    keep(connection, history(*STEPS))
    before = dump(connection)
    keep(connection, history(*STEPS))
    assert dump(connection) == before


def test_another_history_under_the_same_name_is_another_run(connection: sqlite3.Connection) -> None:
    first = keep(connection, history(*STEPS))
    assert keep(connection, history(("sell", 1.0, 50.0))) != first


@pytest.mark.shared_data
def test_the_real_histories_import_with_one_command(shared_data: Path, workspace: Workspace) -> None:
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
    done = subprocess.run([*command, str(shared_data / "bot_history")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {each["kind"]: each for each in json.loads(done.stdout)}
    assert {kind: each["rows"] for kind, each in found.items()} == {
        "trades.freqtrade_backtest": 195,
        "trades.freqtrade_sqlite": 2,
        "trades.hummingbot": 392,
    }
    assert found["trades.freqtrade_backtest"]["details"]["closed"] == 195
    assert found["trades.freqtrade_sqlite"]["details"]["open"] == 2
    connection = sqlite3.connect(workspace.database)
    sides = rows(
        connection,
        "SELECT count(*), sum(signal_id IS NOT NULL) FROM position "
        "LEFT JOIN signal_position ON position_id = id WHERE strategy <> 'bot_battle'",
    )
    assert sides == [(197, 197)]
    assert rows(connection, "SELECT count(*) FROM reward") == [
        (195 + found["trades.hummingbot"]["details"]["closed"],)
    ]
    connection.close()
