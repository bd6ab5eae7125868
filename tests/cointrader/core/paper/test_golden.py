"""Three trades of one paper run, worked out by hand: fee 10 bps and slippage 2 bps a side, 10 % of equity."""

from __future__ import annotations

import math
import sqlite3

import pytest

from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.start import open_run
from storage.order_requests import ask_close, ask_open
from storage.paper_runs import PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import begin, store
from tests.cointrader.market import MINUTES_5, by_hand

BARS = (
    (100.0, 101.0, 99.0, 100.0),  # 0: a long is wished for at 100
    (100.0, 101.0, 99.0, 100.0),  # 1: filled at the open
    (101.0, 105.0, 98.0, 104.0),  # 2: the target is met
    (104.0, 104.5, 103.5, 104.0),  # 3: a short is wished for at 104
    (104.0, 108.0, 103.0, 107.0),  # 4: filled at the open, stopped in the same bar
    (107.0, 107.5, 106.5, 107.0),  # 5: by hand: buy for 500
    (107.0, 107.5, 106.5, 107.0),  # 6: filled at the open; by hand: close
    (108.0, 108.5, 107.5, 108.0),  # 7: closed at the open
    (108.0, 108.5, 107.5, 108.0),
)
RESULTS = (
    "SELECT strategy, side, origin, exit_reason, qty, entry_price, exit_price, gross, fees, slippage, pnl, "
    "equity_at_entry, opened_ms, closed_ms, reward FROM position ORDER BY id"
)


def test_three_trades_are_those_worked_out_by_hand(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.register(monkeypatch)
    candles = scripted.script(by_hand(BARS), {0: scripted.LONG, 3: scripted.SHORT})
    store(workspace, connection, candles)
    run_id = begin(connection, PaperPlan(source=PLAYBACK, strategies=("scripted",)))
    engine = open_run(workspace, connection, run_id)
    for bar in range(len(BARS)):
        assert engine.advance(limit=1).now_ms == candles.close_ms[bar]
        if bar == 5:
            ask_open(connection, "BTC/USDT", "long", notional=500.0)
        if bar == 6:
            (number,) = engine.open_positions
            ask_close(connection, number)
        take_orders(engine)
    won, stopped, by_hand_ = connection.execute(RESULTS).fetchall()

    # 1,000 of 10,000 at 100 are 10 coins; 100.02 is the open and 2 bps, 4 above it is the target.
    assert won[:7] == ("scripted", "long", "signal", "target", 10.0, *approx(100.02, 104.02))
    # 40.20 = 10 (104.02 - 100); fees 1.0002 + 1.0402; slippage 10 x 0.02
    assert won[7:12] == approx(40.2, 2.0404, 0.2, 37.9596, 10_000.0)
    assert won[13] - won[12] == 2 * MINUTES_5
    ret, rho = 37.9596 / 10_000.0, 37.9596 / 1_000.2
    reward = math.tanh(ret / 0.005) + 0.2 * math.tanh(rho / 0.01) + 0.05 * math.tanh(ret / 0.001) - 0.005
    assert won[14] == pytest.approx(reward, abs=1e-12)

    # 10 % of 10,037.9596 at 104 are 9.651884230769 coins; in at 104 less 2 bps, stop 3 above, out with 2 bps.
    assert stopped[:4] == ("scripted", "short", "signal", "stop")
    assert stopped[4:7] == approx(9.651884230769, 103.9792, 107.00059584)
    # gross 9.651884230769 (104 - 106.9792), slippage 9.651884230769 (0.0208 + 0.02139584)
    assert stopped[7:12] == approx(
        -28.754893500308, 2.036352564479, 0.407269362700, -31.198515427487, 10_037.9596
    )

    # 500 at 107 are 4.672897196262 coins; in at 107.0214, out at 107.9784.
    assert by_hand_[:4] == ("manual", "long", "manual", "manual")
    assert by_hand_[4:7] == approx(4.672897196262, 107.0214, 107.9784)
    assert by_hand_[7:11] == approx(4.672897196262, 1.004671962617, 0.200934579439, 3.467290654206)

    equity = connection.execute("SELECT equity FROM equity_point ORDER BY ts_ms DESC LIMIT 1").fetchone()[0]
    assert equity == pytest.approx(10_000.0 + 37.9596 - 31.198515427487 + 3.467290654206)
    links = connection.execute(
        "SELECT s.strategy, s.price FROM signal_position l JOIN signal s ON s.id = l.signal_id "
        "ORDER BY l.position_id"
    ).fetchall()
    assert links == [("scripted", 100.0), ("scripted", 104.0), ("manual", 107.0)]


def approx(*values: float) -> tuple[object, ...]:
    return tuple(pytest.approx(value, abs=1e-9) for value in values)
