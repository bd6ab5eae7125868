"""The chain of a position and of a signal that came to nothing."""

import sqlite3

import pytest

from storage.chain import ChainMissing, position_chain, signal_chain
from storage.database import transaction
from tests.storage.rows import add
from tests.storage.trading_rows import MINUTE_MS, START_MS, add_path, add_reward, fill


@pytest.fixture
def run_id(connection: sqlite3.Connection) -> int:
    """A run of 60 signals; position 5 has fills, a reward and a path."""
    number = fill(connection, 60)
    with transaction(connection):
        for kind, ts_ms in (("exit", START_MS + 9 * MINUTE_MS), ("entry", START_MS)):
            add(
                connection,
                "position_fill",
                position_id=5,
                ts_ms=ts_ms,
                kind=kind,
                side="buy" if kind == "entry" else "sell",
                qty=1.0,
                price=100.02,
                raw_price=100.0,
                fee=0.1,
                slippage=0.02,
                reason=kind,
            )
        add_reward(connection, 5, number)
        add_path(connection, 5, (1.5, 2.5, 3.5, 4.5))
    return number


def test_a_chain_holds_everything_that_hangs_together(connection: sqlite3.Connection, run_id: int) -> None:
    chain = position_chain(connection, 5)
    assert chain.position is not None and chain.signal is not None and chain.decision is not None
    assert chain.position.id == 5
    assert chain.signal.symbol == chain.position.symbol
    assert chain.signal.contributions == {"rule": 1.0}
    assert chain.decision.accepted
    assert chain.decision.rejection_id is None
    assert [fill.kind for fill in chain.fills] == ["entry", "exit"]
    assert (chain.previous_id, chain.next_id) == (4, 6)
    assert chain.learned_from == () and "No training session" in chain.learned_note


def test_the_parts_of_both_rewards_keep_their_names(connection: sqlite3.Connection, run_id: int) -> None:
    (reward,) = position_chain(connection, 5).rewards
    assert reward.normalized_parts == {
        "return": 0.01,
        "notional": 0.02,
        "consistency": 0.03,
        "time": 0.04,
        "streak": 0.05,
    }
    assert reward.comprehensive_parts == {
        "pnl": 1.0,
        "time": 2.0,
        "risk": 3.0,
        "consistency": 4.0,
        "streak": 5.0,
    }
    assert (reward.formula, reward.total, reward.normalized, reward.comprehensive) == (
        "normalized",
        0.15,
        0.15,
        15.0,
    )


def test_the_path_comes_back_as_it_was_stored(connection: sqlite3.Connection, run_id: int) -> None:
    path = position_chain(connection, 5).path
    assert path is not None
    assert path.closes == (1.5, 2.5, 3.5, 4.5)
    assert (path.first_ms, path.step_ms, path.entry_index, path.exit_index) == (START_MS, MINUTE_MS, 1, 2)
    assert position_chain(connection, 4).path is None


def test_a_signal_leads_to_the_same_chain_as_its_position(
    connection: sqlite3.Connection, run_id: int
) -> None:
    chain = position_chain(connection, 5)
    assert chain.signal is not None
    assert signal_chain(connection, chain.signal.id) == chain


def test_the_chain_of_a_rejected_signal_ends_at_the_reason(
    connection: sqlite3.Connection, run_id: int
) -> None:
    signal_id, code = connection.execute("SELECT signal_id, code FROM rejection WHERE id = 3").fetchone()
    chain = signal_chain(connection, signal_id)
    assert chain.decision is not None and not chain.decision.accepted
    assert (chain.decision.code, chain.decision.rejection_id) == (code, 3)
    assert code in chain.decision.text
    assert chain.position is None and chain.fills == () and chain.rewards == ()
    assert (chain.previous_id, chain.next_id) == (None, None)


def test_an_open_position_has_no_close_and_a_manual_one_no_signal(
    connection: sqlite3.Connection, run_id: int
) -> None:
    (open_id,) = connection.execute("SELECT min(id) FROM position WHERE state = 'open'").fetchone()
    position = position_chain(connection, open_id).position
    assert position is not None and position.closed_ms is None and position.exit_price is None
    connection.execute("DELETE FROM signal_position WHERE position_id = 5")
    manual = position_chain(connection, 5)
    assert manual.signal is None and manual.decision is None and manual.position is not None


def test_the_first_and_the_last_position_have_one_neighbour(
    connection: sqlite3.Connection, run_id: int
) -> None:
    (last,) = connection.execute("SELECT max(id) FROM position").fetchone()
    assert position_chain(connection, 1).previous_id is None
    assert position_chain(connection, last).next_id is None
    assert position_chain(connection, last).previous_id == last - 1


def test_what_does_not_exist_is_named(connection: sqlite3.Connection, run_id: int) -> None:
    with pytest.raises(ChainMissing, match="no position 999"):
        position_chain(connection, 999)
    with pytest.raises(ChainMissing, match="no signal 999"):
        signal_chain(connection, 999)
