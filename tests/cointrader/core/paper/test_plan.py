"""What a paper run is asked to trade: what could never decide on anything is refused before it is begun."""

from __future__ import annotations

import sqlite3

import pytest

from cointrader.core.paper.plan import PlanRefused, check_plan
from storage.candles import CandlesMissing
from storage.clock import now_ms
from storage.paper_runs import INBOX, PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import store
from tests.cointrader.market import walk

BTC = walk(50, 1)
LAST_MS = int(BTC.close_ms[-1])


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (PaperPlan(source=PLAYBACK, speed=float("nan")), "the speed of a playback is 0 .* not nan"),
        (PaperPlan(source=PLAYBACK, speed=-1.0), "the speed of a playback is 0 .* not -1.0"),
        (PaperPlan(source=INBOX, speed=5.0), "a speed is for a playback"),
        (PaperPlan(timeframe="7q"), "'7q' is not a timeframe; write a number and s, m, h, d or w"),
        (PaperPlan(strategies=("momentum", "momentum")), "a strategy is named twice"),
        (
            PaperPlan(source=PLAYBACK, since="now"),
            "nothing is left to play after .* UTC: the last stored bar",
        ),
        (PaperPlan(source=PLAYBACK, since=LAST_MS), "nothing is left to play after"),
        (PaperPlan(source=INBOX, since=now_ms() + 86_400_000), "has not come yet: bars up to then"),
        (PaperPlan(source=INBOX, since=10**18), "1000000000000000000 ms has not come yet"),
    ],
)
def test_a_plan_that_can_come_to_nothing_is_refused_with_its_reason(
    workspace: Workspace, connection: sqlite3.Connection, plan: PaperPlan, text: str
) -> None:
    store(workspace, connection, BTC)
    with pytest.raises(PlanRefused, match=text):
        check_plan(connection, plan)


def test_candles_of_another_timeframe_are_named(workspace: Workspace, connection: sqlite3.Connection) -> None:
    with pytest.raises(CandlesMissing, match="no candles are stored: import some"):
        check_plan(connection, PaperPlan())
    store(workspace, connection, BTC)
    with pytest.raises(CandlesMissing, match="no 1h candles are stored: stored is 5m; import some"):
        check_plan(connection, PaperPlan(timeframe="1h"))
    with pytest.raises(CandlesMissing, match="no 1h candles of BTC/USDT: stored is 5m; import some"):
        check_plan(connection, PaperPlan(source=PLAYBACK, symbols=("BTC/USDT",), timeframe="1h"))


def test_the_last_bar_alone_can_be_played(workspace: Workspace, connection: sqlite3.Connection) -> None:
    store(workspace, connection, BTC)
    (traded,) = check_plan(connection, PaperPlan(source=PLAYBACK, since=LAST_MS - 1))
    assert (traded.symbol, traded.timeframe_ms) == ("BTC/USDT", 300_000)
