"""What whoever watches a paper run reads: worth of what is held, the day of the last bar, what is ordered."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from storage import paper_desk
from storage.order_requests import ask_open
from storage.paper_desk import OpenPosition, held_position, last_closes, read_desk, read_trading
from storage.paper_runs import NoPaperRun, ask_start
from storage.workspace import Workspace
from tests.tui.paper_stepping import PLAN, SteppedRun, market

HELD = OpenPosition(
    id=1, run_id=1, symbol="BTC/USDT", side="long", strategy="momentum", origin="signal", state="open",
    opened_ms=1_000, quantity=2.0, entry_price=100.0, notional=200.0, fees=0.2, stop_price=None,
    target_price=None, exit_reason="", signal_id=7, last=101.0, now_ms=61_000,
)  # fmt: skip


def test_an_open_position_is_worth_its_move_less_the_fee_of_its_entry() -> None:
    assert HELD.pnl == pytest.approx(1.8)
    assert HELD.pnl_fraction == pytest.approx(0.009)
    assert replace(HELD, side="short").pnl == pytest.approx(-2.2)
    assert HELD.hold_ms == 60_000


def test_without_a_price_nobody_knows_what_it_is_worth() -> None:
    assert replace(HELD, last=None).pnl is None
    assert replace(HELD, last=None).pnl_fraction is None


def test_a_symbol_that_had_no_bar_yet_has_no_close() -> None:
    names = {"symbols": ["BTC/USDT", "ETH/USDT"], "closes": [100.0, 0.0]}
    assert last_closes(names) == {"BTC/USDT": 100.0}
    assert last_closes({"symbols": ["BTC/USDT"]}) == {}


def test_nothing_is_shown_where_no_run_ever_began(connection: sqlite3.Connection) -> None:
    desk = read_desk(connection)
    assert (desk.row, desk.runs, desk.now_ms, desk.positions) == (None, (), 0, ())
    assert read_trading(connection).runs == ()
    with pytest.raises(NoPaperRun):
        read_desk(connection, 7)


def test_the_worth_of_what_is_held_explains_the_equity_to_the_cent(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    run = SteppedRun(workspace, connection, market())
    run.bars(3)
    ask_open(connection, "BTC/USDT", "long", notional=500.0)
    run.orders()
    desk = read_desk(connection)
    assert len(desk.ordered) == 1 and desk.positions == ()
    run.bars(2)
    desk = read_desk(connection)
    [position] = desk.positions
    assert desk.ordered == frozenset()
    assert (position.by_hand, position.last) == (True, 103.0)
    assert position.entry_price == pytest.approx(99.0 * 1.0002)
    assert desk.run is not None and position.pnl is not None
    assert desk.run.end_equity - desk.run.start_equity == pytest.approx(position.pnl)
    assert desk.exposure == pytest.approx(position.quantity * 103.0)
    assert desk.day is not None and desk.day.pnl == pytest.approx(position.pnl)
    assert read_trading(connection).positions == desk.positions


def test_a_day_begins_after_midnight_and_counts_only_its_own_closes(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    run = SteppedRun(workspace, connection, market(bars=600))
    run.bars(286)
    ask_open(connection, "BTC/USDT", "long", notional=500.0)
    run.orders()
    run.bars(2)  # the bar that closes at midnight belongs to the day before
    before = read_desk(connection)
    assert before.day is not None and before.run is not None
    assert before.now_ms - before.day.start_ms == 86_400_000
    run.bars(1)
    after = read_desk(connection)
    assert after.day is not None and after.run is not None
    assert after.day.start_ms == before.now_ms
    assert after.day.pnl == pytest.approx(after.run.end_equity - before.run.end_equity)
    assert (after.day.closed, after.day.won) == (0, 0)
    run.end()
    assert read_desk(connection).day.closed == 1  # type: ignore[union-attr]


def test_the_newest_run_that_goes_on_is_meant_before_newer_ones_that_ended(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    older = SteppedRun(workspace, connection, market())
    newer = SteppedRun(workspace, connection)
    newer.end()
    desk = read_desk(connection)
    assert desk.row is not None and desk.row.run_id == older.run_id
    assert desk.known == ((newer.run_id, "stopped"), (older.run_id, "running"))
    chosen = read_desk(connection, newer.run_id)
    assert chosen.row is not None and chosen.row.state == "stopped"
    older.end()
    desk = read_desk(connection)
    assert desk.row is not None and desk.row.run_id == newer.run_id


def test_a_start_that_has_not_made_a_run_is_told_until_it_has(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    job = ask_start(connection, PLAN)
    desk = read_desk(connection)
    assert desk.start is not None and desk.start.id == job
    connection.execute("DELETE FROM job")
    SteppedRun(workspace, connection, market())
    assert read_desk(connection).start is None


def test_what_others_hold_does_not_hide_what_a_run_holds(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = SteppedRun(workspace, connection, market())
    newer = SteppedRun(workspace, connection)
    for run in (older, newer):
        run.bars(3)
        ask_open(connection, "BTC/USDT", "long", notional=500.0, run_id=run.run_id)
        run.orders()
        run.bars(2)
    monkeypatch.setattr(paper_desk, "MOST_POSITIONS", 1)
    [position] = read_desk(connection, older.run_id).positions
    assert (position.run_id, position.last) == (older.run_id, 103.0)
    assert held_position(connection, position.id) == position


def test_what_is_held_is_found_by_its_state_however_long_the_history(connection: sqlite3.Connection) -> None:
    plans: list[str] = []

    def trace(statement: str) -> None:
        if "FROM position AS p" in statement:
            plans.append(statement)

    connection.set_trace_callback(trace)
    read_trading(connection)
    paper_desk.open_positions(connection, (), paper_desk.OF_RUN, 1)
    connection.set_trace_callback(None)
    assert len(plans) == 2
    for statement in plans:
        steps = " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
        assert "ix_position_state" in steps and "SCAN p" not in steps
