"""`why` of a position that is open and `why-not` of an order that waits: what stands, nothing made up."""

from __future__ import annotations

import sqlite3
import sys

import pytest

from cointrader.cli.chain import story
from cointrader.cli.chain_position import held_now
from cointrader.cli.output import print_wrapped
from cointrader.core.paper.engine import PaperEngine
from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.start import open_run
from storage.chain import signal_chain
from storage.order_requests import ask_open, get_order
from storage.paper_runs import PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import begin, store
from tests.cointrader.market import by_hand

CALM, UP = (100.0, 101.0, 99.0, 100.0), (100.0, 111.0, 99.0, 110.0)


@pytest.fixture
def engine(workspace: Workspace, connection: sqlite3.Connection) -> PaperEngine:
    """A run that has decided on one bar; the next opens at 100, the one after it closes at 110."""
    store(workspace, connection, by_hand([CALM, CALM, UP, CALM, CALM]))
    run_id = begin(connection, PaperPlan(source=PLAYBACK, strategies=("momentum",)))
    engine = open_run(workspace, connection, run_id)
    engine.advance(limit=1)
    return engine


def bought(engine: PaperEngine) -> int:
    """The signal of a long position of 500 at the last close."""
    order = ask_open(engine.connection, "BTC/USDT", "long", notional=500.0)
    take_orders(engine)
    signal = get_order(engine.connection, order).signal_id
    assert signal is not None
    return signal


def told(engine: PaperEngine, signal: int) -> str:
    chain = signal_chain(engine.connection, signal)
    return "\n".join(story(chain, held_now(engine.connection, chain)))


def test_an_order_that_waits_has_no_position_yet(engine: PaperEngine) -> None:
    text = told(engine, bought(engine))
    assert "position  none yet: the order is filled at the next open" in text
    assert "learned" not in text


def test_an_open_position_is_told_at_the_last_close_and_claims_no_result(engine: PaperEngine) -> None:
    signal = bought(engine)
    engine.advance(limit=2)
    text = told(engine, signal)
    # 5 bought at 100 with 2 bps of slippage and 10 bps of fee; the bar after the entry bar closed at 110.
    assert "would bring +49.3999 at the last close 110.00, after the fee of its entry 0.5001" in text
    assert "held 0h10" in text and "leaves by hand, or with its run" in text
    assert "learned: nothing yet; its close will teach" in text
    assert "pnl" not in text and "worst" not in text
    engine.advance()
    engine.finish()
    closed = told(engine, signal)
    assert "exit by end_of_data" in closed and "pnl -1.2000" in closed
    assert "would bring" not in closed


def test_a_rejected_order_by_hand_says_why_there_is_no_hindsight(engine: PaperEngine) -> None:
    bought(engine)
    text = told(engine, bought(engine))
    assert "decision  rejected at risk: Position already open" in text
    assert "hindsight  none: an order by hand has no exits of its own" in text


def test_long_lines_go_on_further_in_on_a_terminal_and_stay_whole_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "  lesson #1  cnn absent: no version of cnn decides yet  share 0.00"
    monkeypatch.setenv("COLUMNS", "40")
    print_wrapped([line, "short"])
    assert capsys.readouterr().out == f"{line}\nshort\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_wrapped([line, "short"])
    assert capsys.readouterr().out.splitlines() == [
        "  lesson #1  cnn absent: no version of",
        "      cnn decides yet  share 0.00",
        "short",
    ]
