"""The signal behind a position is a row: it is there after a crash, and reading it takes nothing away."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from cointrader.core.signal_position_tracker import SignalPositionTracker
from cointrader.trading.contributions import MissingWeight
from storage.database import open_database, transaction
from storage.revision import next_rev
from storage.signal_links import LinkRefused
from storage.workspace import Workspace
from tests.storage.rows import add, add_run

SIGNAL = {
    "signal_id": 1,
    "symbol": "BTC/USDT",
    "market_state": {"rsi": 31.5, "spread": float("inf")},
    "cnn_contribution": 0.35,
    "dqn_contribution": 0.45,
    "cob_contribution": 0.2,
    "cob_data": {"imbalance": 0.1},
}
OPENED_MS = 1_700_000_000_000


@pytest.fixture
def position(connection: sqlite3.Connection) -> int:
    """Position 1 of a signal that is not linked yet."""
    with transaction(connection):
        run_id = add_run(connection)
        shared: dict[str, Any] = {
            "run_id": run_id, "symbol": "BTC/USDT", "strategy": "momentum", "side": "long",
            "contributions": '{"rule":0.7,"cnn":0.3}', "provenance": "paper",
        }  # fmt: skip
        add(connection, "signal", ts_ms=OPENED_MS, confidence=0.5, price=100.0, status="accepted", **shared)
        return add(
            connection, "position", state="open", origin="signal", opened_ms=OPENED_MS, qty=1.0,
            entry_price=100.0, notional=100.0, equity_at_entry=1_000.0, rev=next_rev(connection), **shared,
        )  # fmt: skip


def test_a_registered_signal_comes_back_with_its_weights_under_their_one_name(
    connection: sqlite3.Connection, position: int
) -> None:
    tracker = SignalPositionTracker(connection)
    tracker.register_signal(1, SIGNAL, position)
    found = tracker.get_signal_for_position(position)
    assert found is not None
    assert found["signal_id"] == 1 and found["signal"] == SIGNAL
    assert found["models_used"] == {"cnn": 0.35, "dqn": 0.45, "cob_rl": 0.2}
    assert found["entry_time"] == datetime.fromtimestamp(OPENED_MS / 1000, UTC)
    assert found["market_state"]["rsi"] == 31.5 and found["market_state"]["position_id"] == position
    assert found["cob_data"]["imbalance"] == 0.1
    assert tracker.get_signal_for_position(position) == found  # reading takes nothing away
    assert tracker.active_trades == {position: found}


def test_a_link_survives_the_death_of_the_process_that_made_it(
    workspace: Workspace, connection: sqlite3.Connection, position: int
) -> None:
    child = os.fork()
    if child == 0:
        with closing(open_database(workspace)) as other:
            SignalPositionTracker(other).register_signal(1, SIGNAL, position)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    found = SignalPositionTracker(connection).get_signal_for_position(position)
    assert found is not None and found["models_used"]["dqn"] == 0.45


def test_a_position_that_a_run_opened_is_known_without_being_registered(
    connection: sqlite3.Connection, position: int
) -> None:
    with transaction(connection):
        add(connection, "signal_position", position_id=position, signal_id=1, created_ms=OPENED_MS)
    found = SignalPositionTracker(connection).get_signal_for_position(position)
    assert found is not None
    assert found["models_used"] == {"cnn": 0.3, "dqn": 0.0, "cob_rl": 0.0}
    assert found["signal"]["strategy"] == "momentum" and found["side"] == "long"
    assert found["market_state"] == {"symbol": "BTC/USDT", "ts_ms": OPENED_MS, "position_id": position}


def test_a_position_without_a_signal_has_none(connection: sqlite3.Connection, position: int) -> None:
    tracker = SignalPositionTracker(connection)
    assert tracker.get_signal_for_position(position) is None
    assert tracker.get_signal_for_position(99) is None
    assert tracker.state_of(99) == "" and tracker.active_trades == {}


def test_a_missing_weight_is_an_error_and_links_nothing(
    connection: sqlite3.Connection, position: int
) -> None:
    told = {name: value for name, value in SIGNAL.items() if name != "cob_contribution"}
    tracker = SignalPositionTracker(connection)
    with pytest.raises(MissingWeight, match="the weight of cob_rl is missing"):
        tracker.register_signal(1, told, position)
    assert tracker.get_signal_for_position(position) is None


def test_a_link_to_what_is_not_there_or_linked_elsewhere_is_refused(
    connection: sqlite3.Connection, position: int
) -> None:
    tracker = SignalPositionTracker(connection)
    with pytest.raises(LinkRefused, match="there is no signal 9 to link"):
        tracker.register_signal(9, SIGNAL, position)
    tracker.register_signal(1, SIGNAL, position)
    tracker.register_signal(1, {**SIGNAL, "later": True}, position)  # once is enough; the first word stays
    found = tracker.get_signal_for_position(position)
    assert found is not None and "later" not in found["signal"]
    with transaction(connection):
        copied = "run_id, ts_ms, symbol, strategy, side, confidence, price, status, contributions, provenance"
        connection.execute(f"INSERT INTO signal ({copied}) SELECT {copied} FROM signal WHERE id = 1")
    with pytest.raises(LinkRefused, match="position 1 is linked to signal 1 already"):
        tracker.register_signal(2, SIGNAL, position)


def test_where_a_position_stands_goes_on_to_trained(connection: sqlite3.Connection, position: int) -> None:
    tracker = SignalPositionTracker(connection)
    tracker.register_signal(1, SIGNAL, position)
    seen = [tracker.state_of(position)]
    for state in ("closing", "closed"):
        connection.execute("UPDATE position SET state = ?", (state,))
        seen.append(tracker.state_of(position))
    for model, state in (("cnn", "trained"), ("dqn", "waiting")):
        with transaction(connection):
            add(
                connection, "outbox", position_id=position, close_number=1, run_id=1, model=model, weight=0.4,
                reward=0.1, reward_weight=1.0, state=state, created_ms=0, rev=next_rev(connection),
            )  # fmt: skip
    seen.append(tracker.state_of(position))
    connection.execute("UPDATE outbox SET state = 'skipped' WHERE model = 'dqn'")
    seen.append(tracker.state_of(position))
    assert seen == ["open", "closing", "closed", "closed", "trained"]
