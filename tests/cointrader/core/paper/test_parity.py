"""The same candles as one backtest, as a playback, and as files that grow in the inbox: the same trades."""

from __future__ import annotations

import sqlite3

import pytest

from cointrader.backtest.run import run_backtest
from cointrader.backtest.store import store_backtest
from cointrader.core.paper.start import open_run
from cointrader.data_feeds.front_door import FrontDoor
from cointrader.histories.bot_follower import BotFollower, FollowReport
from cointrader.histories.zone import zone_of
from cointrader.interop.file_kind import ImportOptions
from cointrader.jobs.inbox import Inbox
from cointrader.settings import Settings
from storage import jobs as queue
from storage.paper_runs import INBOX, PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import begin, kept, played, store, trades_of, write_csv
from tests.cointrader.market import head, walk, without

STRATEGIES = ("momentum", "mean_bot")
BTC, ETH = without(walk(1200, 1), 900, 5), walk(1200, 2, "ETH/USDT")


def test_a_playback_leaves_the_rows_of_a_backtest(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, BTC, ETH)
    result = run_backtest((BTC, ETH), STRATEGIES)
    backtest = kept(connection, store_backtest(workspace, connection, result))
    playback = kept(connection, played(workspace, connection))
    assert len(backtest.trades) > 40
    assert playback == backtest


@pytest.mark.parametrize("limit", [1, 7])
def test_a_run_that_is_read_again_after_every_transaction_decides_the_same(
    workspace: Workspace, connection: sqlite3.Connection, limit: int
) -> None:
    btc, eth = head(BTC, 500), head(ETH, 500)
    store(workspace, connection, btc, eth)
    whole = kept(connection, played(workspace, connection))
    run_id = begin(connection)
    while open_run(workspace, connection, run_id).advance(limit=limit * 9).moments:
        pass
    open_run(workspace, connection, run_id).finish()
    assert kept(connection, run_id) == whole
    assert len(whole.trades) > 10


def test_files_that_grow_bar_by_bar_in_the_inbox_give_the_trades_of_the_backtest(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    series = {"BTC_USDT_5m.csv": head(BTC, 330), "ETH_USDT_5m.csv": head(ETH, 330)}
    follower = BotFollower(connection, Settings(), zone_of(""))
    inbox = Inbox(workspace.inbox, connection, follower)
    plan = PaperPlan(
        source=INBOX, symbols=("BTC/USDT", "ETH/USDT"), timeframe="5m", since="start", strategies=STRATEGIES
    )
    run_id = begin(connection, plan)
    engine = open_run(workspace, connection, run_id)
    worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
    moments = []
    for bars in range(280, 331):
        for name, whole in series.items():
            write_csv(workspace.inbox / name, whole, bars)
            assert inbox.look(FollowReport()), "the watcher sees that the file has grown"
            job = queue.claim(connection, worker, {"cpu": 1}, 60.0)
            assert job is not None
            door = FrontDoor(workspace, connection, ImportOptions())
            assert [done.state for done in door.take([workspace.inbox / name], lambda *_: None)] == [
                "imported"
            ]
            queue.finish(connection, job.id, job.attempt, "succeeded")
            assert engine.look()
            moments.append(engine.advance().moments)
    assert moments[:4] == [0, 256, 24, 1], "a moment waits for the bars of both symbols"
    engine.finish()
    result = run_backtest(tuple(series.values()), STRATEGIES)
    backtest = kept(connection, store_backtest(workspace, connection, result))
    assert len(trades_of(result)) > 5
    assert kept(connection, run_id) == backtest


def test_a_run_from_now_on_decides_only_on_what_comes_and_knows_what_came_before(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, BTC)
    first = int(BTC.close_ms[600])
    run_id = played(workspace, connection, PaperPlan(source=PLAYBACK, since=first, strategies=("momentum",)))
    signals = kept(connection, run_id).signals
    result = run_backtest((BTC,), ("momentum",))
    expected = [ts_ms for ts_ms in result.signals["ts_ms"].tolist() if ts_ms > first]
    assert [row[0] for row in signals] == expected
    assert kept(connection, run_id).marks[0][0] == BTC.close_ms[601]
