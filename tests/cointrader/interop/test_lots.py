"""Fills paired first in, first out, held against sums worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cointrader.interop.lots import Execution, pair_first_in_first_out
from cointrader.interop.trade_history import LONG, SHORT, peak_exposure


def fills(*parts: tuple[str, float, float], pair: str = "XBT/USDT", fee: float = 0.0) -> list[Execution]:
    return [
        Execution(number, 1_700_000_000_000 + number, pair, side, qty, price, fee)
        for number, (side, qty, price) in enumerate(parts)
    ]


@pytest.mark.parametrize(
    ("parts", "earned"),
    [
        ([("sell", 0.1, 25_000), ("buy", 0.1, 24_000)], 100.0),
        ([("sell", 1, 100), ("buy", 0.5, 90), ("buy", 0.5, 110)], 0.0),
        ([("buy", 1, 100), ("sell", 2, 110), ("buy", 1, 100)], 20.0),
    ],
)
def test_round_trips_earn_what_the_bot_itself_says(
    parts: list[tuple[str, float, float]], earned: float
) -> None:
    trades = pair_first_in_first_out(fills(*parts))
    assert sum(trade.pnl for trade in trades) == pytest.approx(earned)
    assert all(trade.closed_ms is not None for trade in trades)


def test_a_fill_through_zero_closes_a_long_and_opens_a_short() -> None:
    long, short = pair_first_in_first_out(fills(("buy", 1, 100), ("sell", 3, 110)))
    assert (long.side, long.closed_ms is None, long.qty) == (LONG, False, 1)
    assert (short.side, short.closed_ms, short.qty) == (SHORT, None, 2)


def test_symbols_are_paired_apart() -> None:
    executions = fills(("buy", 1, 100)) + fills(("sell", 1, 120), pair="ETH/USDT")
    assert [trade.closed_ms for trade in pair_first_in_first_out(executions)] == [None, None]


def test_fees_of_a_fill_over_two_lots_are_shared_by_quantity() -> None:
    first, second = pair_first_in_first_out(
        fills(("buy", 1, 100), ("buy", 3, 100), ("sell", 4, 100), fee=4.0)
    )
    assert (first.fees, second.fees) == (4.0 + 1.0, 4.0 + 3.0)


orders = st.tuples(st.sampled_from(["buy", "sell"]), st.floats(0.01, 100.0), st.floats(1.0, 1000.0))


@given(st.lists(orders, max_size=30), st.data())
def test_a_longer_list_only_closes_and_appends(
    parts: list[tuple[str, float, float]], data: st.DataObject
) -> None:
    shorter = pair_first_in_first_out(fills(*parts[: data.draw(st.integers(0, len(parts)))]))
    longer = pair_first_in_first_out(fills(*parts))
    for before, after in zip(shorter, longer, strict=False):
        assert (before.line, before.side, before.qty) == (after.line, after.side, after.qty)
        assert after.fills[: len(before.fills)] == before.fills
        assert before.closed_ms is None or before == after
    assert len(longer) >= len(shorter)


@given(st.lists(orders, max_size=30))
def test_nothing_is_lost_between_fills_and_lots(parts: list[tuple[str, float, float]]) -> None:
    trades = pair_first_in_first_out(fills(*parts))
    spent = math.fsum(
        fill.qty * fill.price * (1 if fill.side == "buy" else -1) for trade in trades for fill in trade.fills
    )
    known = math.fsum(qty * price * (1 if side == "buy" else -1) for side, qty, price in parts)
    assert spent == pytest.approx(known, abs=1e-3)


def test_the_peak_of_the_exposure_counts_what_lay_side_by_side() -> None:
    trades = pair_first_in_first_out(fills(("buy", 1, 100), ("buy", 1, 50), ("sell", 1, 100), ("buy", 1, 30)))
    assert peak_exposure(trades) == 150.0
    assert peak_exposure(()) == 0.0
