"""An order by hand is told in the same words wherever it is told, with every digit that was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.order_requests import CLOSE, CLOSE_ALL, LONG, OPEN, SHORT, WAITING, OrderRow

ORDER = OrderRow(
    id=1, run_id=1, kind=OPEN, symbol="BTC/USDT", side=LONG, notional=None, quantity=None, position_id=None,
    state=WAITING, reason="", signal_id=None, created_ms=0, done_ms=None, rev=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (ORDER, "buy BTC/USDT"),
        (replace(ORDER, notional=1_500.0), "buy BTC/USDT for 1,500.00"),
        (replace(ORDER, notional=0.0025), "buy BTC/USDT for 0.0025"),
        (replace(ORDER, side=SHORT, quantity=0.12345678), "sell BTC/USDT 0.12345678"),
        (replace(ORDER, kind=CLOSE, side="", position_id=17), "close position 17 BTC/USDT"),
        (replace(ORDER, kind=CLOSE_ALL, symbol="", side=""), "close everything"),
    ],
)
def test_an_order_is_told_in_words(order: OrderRow, words: str) -> None:
    assert order.words == words
