"""The accounts of a close add up, or nothing of it is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cointrader.trading.close import AccountingError, check_trades, settle
from cointrader.trading.position import TRADE

prices = st.floats(1.0, 1e3)


@given(st.sampled_from([1, -1]), st.floats(1e-6, 1e6), prices, prices, st.floats(0.0, 0.05), st.floats(-5, 5))
def test_net_is_gross_less_all_costs(
    side: int, quantity: float, entry: float, leave: float, slip: float, funding: float
) -> None:
    settlement = settle(
        side=side,
        quantity=quantity,
        entry_price=entry * (1 + side * slip),
        entry_raw=entry,
        exit_price=leave * (1 - side * slip),
        exit_raw=leave,
        fees=1.0,
        funding=funding,
    )
    assert settlement.net == settlement.gross - 1.0 - funding - settlement.slippage
    assert settlement.slippage >= 0.0


def test_a_price_that_slipped_in_our_favour_does_not_add_up() -> None:
    with pytest.raises(AccountingError, match="within"):
        settle(
            side=1,
            quantity=1.0,
            entry_price=99.0,
            entry_raw=100.0,
            exit_price=101.0,
            exit_raw=101.0,
            fees=0.0,
        )


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_price_that_is_not_one_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="cannot settle"):
        settle(side=1, quantity=1.0, entry_price=price, entry_raw=1.0, exit_price=1.0, exit_raw=1.0, fees=0.0)


def test_trades_that_do_not_add_up_are_found() -> None:
    trades = np.zeros(3, TRADE)
    trades["side"], trades["quantity"], trades["entry_price"], trades["exit_price"] = 1, 2.0, 10.0, 11.0
    trades["gross"] = trades["net"] = 2.0
    trades["notional"] = 20.0
    check_trades(trades)
    trades["net"][1] += 1e-7
    with pytest.raises(AccountingError):
        check_trades(trades)
