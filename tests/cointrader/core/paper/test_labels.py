"""What the price did 1, 5 and 15 minutes after an entry: filled in when the bars come, and never made up."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace

import pytest

from cointrader.core.paper.start import open_run
from storage.candles import Candles
from storage.paper_runs import INBOX, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import begin, play_out, store
from tests.cointrader.market import by_hand, head

PRICES = [100.0, 100.0, 101.0, 102.0, 99.0, 98.0, 97.0, 97.0, 97.0, 97.0]
BARS = scripted.script(
    by_hand([(p, p + 0.5, p - 0.5, p) for p in PRICES]), {0: scripted.LONG, 1: scripted.LEAVE}
)
LABELS = "SELECT return_1m, return_5m, return_15m, computed_ms > 0 FROM outcome_label"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.register(monkeypatch)


def minutes(series: Candles) -> Candles:
    """The same bars, one a minute."""
    first = int(series.close_ms[0]) - 300_000
    return replace(
        series, timeframe_ms=60_000, close_ms=first + 60_000 * ((series.close_ms - first) // 300_000)
    )


@pytest.mark.parametrize("is_reopened", [False, True])
def test_a_close_before_its_minutes_have_passed_gets_its_labels_from_the_bars_that_follow(
    workspace: Workspace, connection: sqlite3.Connection, is_reopened: bool
) -> None:
    store(workspace, connection, head(BARS, 3))
    run_id = begin(connection, PaperPlan(INBOX, strategies=("scripted",), since="start"))
    engine = open_run(workspace, connection, run_id)
    play_out(engine)
    ((entry, state),) = connection.execute("SELECT entry_price, state FROM position").fetchall()
    assert state == "closed"
    # Entered at the open of the second bar, which five minutes later has closed at 100.
    after_5 = pytest.approx(math.log(100.0 / entry))
    assert connection.execute(LABELS).fetchall() == [(None, after_5, None, False)]
    store(workspace, connection, BARS)
    engine = open_run(workspace, connection, run_id) if is_reopened else engine
    engine.look()
    play_out(engine)
    assert connection.execute(LABELS).fetchall() == [
        (None, after_5, pytest.approx(math.log(102.0 / entry)), True)
    ]


def test_bars_of_a_minute_tell_of_the_first_too(workspace: Workspace, connection: sqlite3.Connection) -> None:
    store(workspace, connection, minutes(BARS))
    run_id = begin(connection, PaperPlan(INBOX, strategies=("scripted",), since="start"))
    play_out(open_run(workspace, connection, run_id))
    ((entry,),) = connection.execute("SELECT entry_price FROM position").fetchall()
    assert connection.execute(LABELS).fetchall() == [
        (pytest.approx(math.log(100.0 / entry)), pytest.approx(math.log(98.0 / entry)), None, False)
    ]
