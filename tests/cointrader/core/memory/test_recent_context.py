"""The core's memory: it reads back the latest, and forgets nothing."""

import math
import os
import sqlite3
import subprocess
import sys

import pytest

from cointrader.core import RecentContext
from storage.context_records import context_records_page
from storage.workspace import Workspace

SIGNAL = {
    "signal_id": "signal1",
    "strategy": "momentum",
    "params": {"amount": 0.1},
    "timestamp": 1234567890.0,
}


def test_without_arguments_it_remembers_in_the_default_workspace(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINTRADER_WORKSPACE", str(workspace.root))
    context = RecentContext()
    context.store_signal(SIGNAL)
    context.store_rejection("signal1", "Exposure limit exceeded")
    context.store_pnl_snapshot({"signal_id": "signal1", "pnl": 2.5})
    assert context.get_recent_signals() == [SIGNAL]
    assert context.get_recent_rejections() == [{"signal_id": "signal1", "reason": "Exposure limit exceeded"}]
    assert context.get_recent_pnl() == [{"signal_id": "signal1", "pnl": 2.5}]
    assert context.workspace == workspace


def test_what_another_process_told_is_still_there_after_it_ended(workspace: Workspace) -> None:
    program = (
        "from cointrader.core.memory.recent_context import RecentContext\n"
        "c = RecentContext()\n"
        "c.store_signal({'signal_id': 'a', 'strategy': 'momentum', 'params': {}, 'timestamp': 1.0})\n"
        "c.store_rejection('a', 'no')\n"
        "c.store_pnl_snapshot({'signal_id': 'a', 'pnl': 1.0})\n"
        "import os; os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "COINTRADER_WORKSPACE": str(workspace.root)}
    done = subprocess.run([sys.executable, "-P", "-c", program], env=environment, capture_output=True)
    assert done.returncode == -9, done.stderr
    context = RecentContext(workspace=workspace)
    assert [signal["signal_id"] for signal in context.get_recent_signals()] == ["a"]
    assert context.get_recent_rejections() == [{"signal_id": "a", "reason": "no"}]
    assert context.get_recent_pnl() == [{"signal_id": "a", "pnl": 1.0}]


def test_a_read_is_bounded_and_keeps_the_order_but_nothing_is_forgotten(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    context = RecentContext(max_history=3, workspace=workspace)
    for number in range(10):
        context.store_signal({"signal_id": f"s{number}"})
    assert [signal["signal_id"] for signal in context.get_recent_signals()] == ["s7", "s8", "s9"]
    kept = context_records_page(connection, "signal")
    assert [record.signal_key for record in kept] == [f"s{number}" for number in range(10)]


def test_clearing_begins_anew_for_every_reader_and_deletes_nothing(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    context = RecentContext(workspace=workspace)
    context.store_signal(SIGNAL)
    context.store_rejection("signal1", "no")
    context.clear_context()
    context.store_signal({"signal_id": "later"})
    later = RecentContext(workspace=workspace)
    assert later.get_recent_signals() == [{"signal_id": "later"}]
    assert later.get_recent_rejections() == []
    assert len(context_records_page(connection, "signal")) == 2


def test_odd_values_come_back_and_are_never_refused(workspace: Workspace) -> None:
    context = RecentContext(workspace=workspace)
    odd = {"signal_id": None, "n": math.nan, "i": -math.inf, "t": (1, 2), "o": object, "u": "\ud800"}
    context.store_signal(odd)
    back = context.get_recent_signals()[0]
    assert math.isnan(back["n"])
    assert back["i"] == -math.inf
    assert back["t"] == [1, 2]
    assert back["o"] == "<class 'object'>"
    assert back["u"] == "\\ud800"


def test_what_is_no_mapping_is_refused_in_words(workspace: Workspace) -> None:
    with pytest.raises(TypeError, match="a signal must be a mapping with a signal_id, got str"):
        RecentContext(workspace=workspace).store_signal("buy")


@pytest.mark.parametrize("history", [0, -1, 1.5, True, {"max_history": 5}])
def test_a_bound_that_is_none_is_refused(history: object) -> None:
    with pytest.raises(ValueError, match="max_history must be a whole number from 1 on"):
        RecentContext(history)


def test_every_thing_told_is_an_event(workspace: Workspace, connection: sqlite3.Connection) -> None:
    context = RecentContext(workspace=workspace)
    context.store_signal(SIGNAL)
    context.store_rejection("signal1", "no")
    context.store_pnl_snapshot({"signal_id": "signal1"})
    context.clear_context()
    actions = [row[0] for row in connection.execute("SELECT action FROM core_event ORDER BY id")]
    assert actions == ["store_signal", "store_rejection", "store_pnl", "clear_context"]
