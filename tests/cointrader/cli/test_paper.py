"""`cointrader paper` and `cointrader order`: a real worker, a real watcher, and a child that is killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cointrader.backtest.run import run_backtest
from cointrader.backtest.store import store_backtest
from storage import jobs as queue
from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.cointrader.core.paper.trading import kept, store, write_csv
from tests.cointrader.market import head, walk
from tests.conftest import Eventually

BTC = walk(600, 1)


@pytest.fixture
def worker(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-P", "-m", "cointrader", "worker", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=workspace.root)
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait()


def said(*words: str, workspace: Workspace) -> Any:
    done = cointrader(*words, "--json", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_run_over_a_growing_inbox_survives_a_kill_and_gives_the_trades_of_the_backtest(
    workspace: Workspace,
    connection: sqlite3.Connection,
    worker: subprocess.Popen[bytes],
    eventually: Eventually,
) -> None:
    started = said(
        *("paper", "start", "--symbols", "BTC/USDT", "--timeframe", "5m", "--since", "start"),
        *("--strategy", "momentum"),
        workspace=workspace,
    )
    run_id = started["run_id"]
    assert (started["state"], started["source"], started["bars"]) == ("running", "inbox", 0)

    def bars() -> int:
        return int(connection.execute("SELECT bars FROM trading_run WHERE id = ?", (run_id,)).fetchone()[0])

    write_csv(workspace.inbox / "BTC_USDT_5m.csv", BTC, 400)
    eventually(lambda: bars() == 400)
    job = queue.get_job(connection, started["job"])
    os.kill(job.pid, signal.SIGKILL)
    write_csv(workspace.inbox / "BTC_USDT_5m.csv", BTC, 600)
    eventually(lambda: bars() == 600)
    assert queue.get_job(connection, job.id).attempt == 2

    stopped = said("paper", "stop", "--wait", workspace=workspace)
    assert (stopped["state"], stopped["open"]) == ("stopped", 0)
    backtest = store_backtest(workspace, connection, run_backtest((BTC,), ("momentum",)))
    assert kept(connection, run_id) == kept(connection, backtest)
    assert stopped["closed"] == len(kept(connection, run_id).trades) > 5


def test_orders_by_hand_are_carried_out_and_refused(
    workspace: Workspace,
    connection: sqlite3.Connection,
    worker: subprocess.Popen[bytes],
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    store(workspace, connection, head(BTC, 300))
    plan = ("--source", "inbox", "--strategy", "mean_bot", "--symbols", "BTC/USDT")
    run_id = said("paper", "start", *plan, workspace=workspace)["run_id"]
    shown = cointrader("paper", workspace=workspace.root).stdout
    assert f"run {run_id}: mean_bot on BTC/USDT" in shown
    assert max(map(len, shown.splitlines())) <= 80
    bought = said("order", "buy", "btc-usdt", "--notional", "500", workspace=workspace)
    assert (bought["state"], bought["reason"]) == ("done", "accepted, filled at the next open")
    again = cointrader("order", "buy", "BTC/USDT", workspace=workspace.root)
    assert again.returncode == 1
    assert "refused: Position already open in this symbol: 1, limit 1" in again.stderr
    large = cointrader("order", "sell", "BTC/USDT", "--notional", "9000", workspace=workspace.root)
    assert (large.returncode, "refused: Position already open" in large.stderr) == (1, True)

    def position(state: str) -> Any:
        query = "SELECT id, side, notional FROM position WHERE run_id = ? AND state = ?"
        return connection.execute(query, (run_id, state)).fetchone()

    write_csv(workspace.inbox / "BTC_USDT_5m.csv", BTC, 301)
    number, side, notional = eventually(lambda: position("open"))
    assert (side, notional) == ("long", pytest.approx(500.1, abs=0.2))
    shown = cointrader("positions", "--filter", "state:open", workspace=workspace.root)
    assert "manual" in shown.stdout, shown.stderr
    held = shown.stdout.splitlines()[1]
    assert "0.00%" not in held and "0s" not in held, "what the close decides is not known yet"
    paused = said("paper", "pause", workspace=workspace)
    assert paused["state"] == "paused"
    waiting = cointrader("order", "close", str(number), workspace=workspace.root)
    assert f"close position {number} BTC/USDT: waits; run {run_id} is paused" in waiting.stdout
    assert said("paper", "resume", workspace=workspace)["state"] == "running"
    eventually(lambda: position("closing"))
    write_csv(workspace.inbox / "BTC_USDT_5m.csv", BTC, 302)
    eventually(lambda: position("closed"))
    nothing = cointrader("order", "close", "all", workspace=workspace.root)
    assert (nothing.returncode, "nothing is open" in nothing.stderr) == (1, True)
    assert "run" in cointrader("paper", workspace=workspace.root).stdout


def test_what_cannot_be_begun_or_meant_is_said_at_once(workspace: Workspace) -> None:
    def refused(*words: str) -> tuple[int, str]:
        done = cointrader(*words, workspace=workspace.root)
        return done.returncode, done.stderr

    assert cointrader("paper", workspace=workspace.root).stdout.startswith("no paper run yet")
    status, text = refused("paper", "start", "--source", "playback")
    assert (status, "import" in text) == (1, True)
    status, text = refused("paper", "start", "--symbols", "BTC/USDT")
    assert (status, "name a timeframe" in text) == (1, True)
    status, text = refused("paper", "start", "--strategy", "nonsense")
    assert (status, "no strategy named 'nonsense'" in text) == (2, True)
    status, text = refused("paper", "start", "--since", "yesterday")
    assert (status, "--since" in text) == (2, True)
    assert refused("paper", "pause") == (
        1,
        "cointrader: no paper run is going on; `cointrader paper start` begins one\n",
    )
    assert refused("order", "close", "everything")[0] == 2
    for words, reason in (
        (("paper", "stop", "--speed", "3"), "--speed: only with `cointrader paper start`"),
        (("paper", "--symbols", "BTC/USDT"), "--symbols: only with `cointrader paper start`"),
        (("paper", "start", "--run", "1"), "--run: a new run gets its own number"),
        (("paper", "pause", "--wait"), "--wait: only with start and stop"),
        (("paper", "start", "--symbols", ""), "--symbols: '' refused: must be a list"),
        (("paper", "start", "--timeframe", "7q"), "'7q' is not a timeframe"),
        (("paper", "start", "--speed", "5"), "a speed is for a playback"),
        (
            ("order", "buy", "BTC/USDT", "--notional", "nan"),
            "--notional must be a finite number above 0, not nan",
        ),
        (
            ("order", "sell", "BTC/USDT", "--quantity", "-1"),
            "--quantity must be a finite number above 0, not -1",
        ),
        (("order", "buy", "BTC/USDT", "--quantity", "1", "--notional", "5"), "not both"),
        (("order", "close", "all", "--notional", "5"), "--notional: a position is closed as a whole"),
    ):
        status, text = refused(*words)
        assert (status, reason in text, "Traceback" in text) == (2, True, False), (words, text)
    assert refused("rejections", "--by", "rule", "--run", "77") == (1, "cointrader: there is no run 77\n")
    assert refused("order", "close", "7") == (1, "cointrader: there is no position 7\n")
    assert refused("order", "buy", "BTC/USDT")[0] == 1
