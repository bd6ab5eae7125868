"""The account behind single signals: the kernel's own book, kept and read back bit for bit."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cointrader.core.portfolio import MOST_IDLE, Portfolio
from cointrader.core.reasons import Reason
from cointrader.core.wish import Wish
from cointrader.settings import LimitSettings, Settings
from cointrader.trading.position import Phase
from tests.cointrader.core.desk_of_test import NOON_MS

BAR_MS = 300_000


def wish(signal_id: str = "s1", base: str = "BTC", amount: float = 10.0, side: int = 1) -> Wish:
    return Wish(signal_id, "momentum", f"{base}/USDT", base, side, amount, 100.0, NOON_MS)


def opened(portfolio: Portfolio, item: Wish) -> None:
    assert portfolio.take(item, 100.0, NOON_MS).reason is Reason.ACCEPTED
    assert portfolio.fill(item.signal_id, NOON_MS + 1_000).reason is Reason.ACCEPTED


@pytest.fixture
def portfolio() -> Portfolio:
    return Portfolio(Settings(), bar_ms=BAR_MS)


def test_to_judge_changes_nothing(portfolio: Portfolio) -> None:
    opened(portfolio, wish())
    portfolio.take(wish("s0", "SOL", 0.5), 100.0, NOON_MS)
    before = portfolio.dump()
    assert portfolio.judge(wish("s2", "ETH", 9.0), 100.0, NOON_MS).reason is Reason.ACCEPTED
    assert portfolio.judge_fill("s0", NOON_MS + 10**9).reason is Reason.STALE_FILL
    assert portfolio.dump() == before


def test_a_rejected_signal_does_not_move_the_marks(portfolio: Portfolio) -> None:
    opened(portfolio, wish())
    before = portfolio.dump()
    assert portfolio.take(wish("s2", amount=1e6), 1e6, NOON_MS).reason is Reason.COOLDOWN
    assert portfolio.dump() == before


def test_the_profit_of_a_close_is_net_of_fees_and_slippage(portfolio: Portfolio) -> None:
    opened(portfolio, wish())
    # In at 100.02 and out at 109.978 with 2 bps of slippage a side; 10 bps of fee a side.
    expected = 10 * (109.978 - 100.02) - 0.001 * 10 * (100.02 + 109.978)
    assert portfolio.close("s1", 110.0, NOON_MS + 2_000) == pytest.approx(expected, abs=1e-9)
    assert portfolio.equity == pytest.approx(10_000 + expected, abs=1e-9)
    assert portfolio.held == []


def test_the_profit_of_a_short_has_the_other_sign(portfolio: Portfolio) -> None:
    opened(portfolio, wish(side=-1))
    expected = 10 * (99.98 - 110.022) - 0.001 * 10 * (99.98 + 110.022)
    assert portfolio.close("s1", 110.0, NOON_MS + 2_000) == pytest.approx(expected, abs=1e-9)


def test_what_is_dumped_is_read_back_bit_for_bit(portfolio: Portfolio) -> None:
    opened(portfolio, wish())
    opened(portfolio, wish("s2", "ETH", 9.0, -1))
    assert portfolio.take(wish("s3", "SOL", 0.5), 100.0, NOON_MS).reason is Reason.ACCEPTED
    kept = json.loads(json.dumps(portfolio.dump()))
    again = Portfolio(Settings(), bar_ms=BAR_MS)
    again.load(kept)
    assert again.dump() == portfolio.dump()
    assert again.held == portfolio.held
    assert again.close("s1", 101.0, NOON_MS + 9_000) == portfolio.close("s1", 101.0, NOON_MS + 9_000)
    assert [item.signal_id for item in again.held] == ["s2", "s3"]


def test_orders_count_before_they_are_filled(portfolio: Portfolio) -> None:
    for number, base in enumerate(("BTC", "ETH", "SOL", "ADA", "XRP")):
        verdict = portfolio.take(wish(f"s{number}", base, 4.0), 100.0, NOON_MS)
        assert verdict.reason is Reason.ACCEPTED
    verdict = portfolio.take(wish("s5", "DOT", 4.0), 100.0, NOON_MS)
    assert (verdict.reason, verdict.limit, verdict.actual) == (Reason.OPEN_POSITIONS, 5.0, 5.0)


def test_an_order_is_filled_while_its_price_is_fresh_and_lapses_after(portfolio: Portfolio) -> None:
    portfolio.take(wish(), 100.0, NOON_MS)
    assert not portfolio.has_lapsed(NOON_MS + 2 * BAR_MS)
    late = NOON_MS + 2 * BAR_MS + 60_000
    verdict = portfolio.judge_fill("s1", late)
    assert (verdict.reason, verdict.limit, verdict.actual) == (Reason.STALE_FILL, 2.0, 2.2)
    assert [(item.phase, found.reason) for item, found in portfolio.lapsed(late)] == [
        (Phase.ORDERED, Reason.STALE_FILL)
    ]
    assert portfolio.held == []


def test_a_position_that_is_not_open_cannot_be_closed(portfolio: Portfolio) -> None:
    portfolio.take(wish(), 100.0, NOON_MS)
    for signal_id in ("s1", "nobody"):
        with pytest.raises(KeyError):
            portfolio.close(signal_id, 100.0, NOON_MS)


def test_what_is_open_is_not_filled_again(portfolio: Portfolio) -> None:
    opened(portfolio, wish())
    before = portfolio.dump()
    with pytest.raises(KeyError):
        portfolio.fill("s1", NOON_MS + 2_000)
    assert portfolio.dump() == before


def test_a_signal_to_the_other_side_meets_an_open_position_that_counts(portfolio: Portfolio) -> None:
    """Nothing leaves by itself here: with both held, a symbol would hold twice what its limit allows."""
    opened(portfolio, wish(amount=5.0))
    verdict = portfolio.take(wish("s2", amount=4.0, side=-1), 100.0, NOON_MS + 2_000)
    assert (verdict.reason, verdict.limit, verdict.actual) == (Reason.SYMBOL_OPEN, 1.0, 1.0)
    assert [item.signal_id for item in portfolio.held] == ["s1"]


def test_the_loss_of_a_close_belongs_to_the_day_it_was_made_on(portfolio: Portfolio) -> None:
    opened(portfolio, wish())
    tomorrow = NOON_MS + 86_400_000
    # 10 bought at 100.02 and sold at 39.992: 5 % of 10,000 and more are lost, on the next day.
    assert portfolio.close("s1", 40.0, tomorrow) < -500.0
    verdict = portfolio.judge(replace(wish("s2", "ETH", 1.0), ts_ms=tomorrow + 1), 100.0, tomorrow + 1)
    assert verdict.reason is Reason.DAILY_LOSS


def test_a_fill_counts_on_the_day_it_was_made_on() -> None:
    limited = Settings(limits=LimitSettings(max_daily_trades=1))
    portfolio, midnight = Portfolio(limited, bar_ms=BAR_MS), NOON_MS + 43_200_000
    late = replace(wish(amount=1.0), ts_ms=midnight)
    assert portfolio.take(late, 100.0, midnight).reason is Reason.ACCEPTED
    portfolio.fill("s1", midnight + 1_000)
    verdict = portfolio.judge(
        replace(wish("s2", "ETH", 1.0), ts_ms=midnight + 2_000), 100.0, midnight + 2_000
    )
    assert verdict.reason is Reason.DAILY_TRADES


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"price": None}, ""),
        ({"amount": 10.0 * (1 + 1e-12)}, ""),
        ({"amount": 10.1}, "amount 10.1, not 10.0"),
        ({"price": 90.0}, "price 90.0, not 100.0"),
        ({"side": -1}, "side -1, not 1"),
        ({"symbol": "ETH/USDT"}, "symbol ETH/USDT, not BTC/USDT"),
        ({"strategy": "arbitrage"}, "strategy arbitrage, not momentum"),
    ],
)
def test_what_was_accepted_is_known_by_every_part_of_it(
    portfolio: Portfolio, changes: dict[str, Any], told: str
) -> None:
    portfolio.take(wish(), 100.0, NOON_MS)
    assert portfolio.differs("s1", replace(wish(), **changes)) == told


def test_symbols_that_nothing_depends_on_are_forgotten_and_nothing_else_is(portfolio: Portfolio) -> None:
    """Otherwise every decision would cost as much as there were ever symbols."""
    opened(portfolio, wish("held", "BTC", 5.0))
    opened(portfolio, wish("paused", "ETH", 5.0))
    portfolio.close("paused", 100.0, NOON_MS + 2_000)
    for number in range(4 * MOST_IDLE):
        now_ms = NOON_MS + 3_000 + number * 1_000
        item = replace(wish(f"s{number}", f"A{number}", 1.0), ts_ms=now_ms)
        assert portfolio.take(item, 100.0, now_ms).reason is Reason.ACCEPTED
        portfolio.drop(item.signal_id)
        assert len(portfolio.dump()["symbols"]) <= MOST_IDLE + 1
    again = Portfolio(Settings(), bar_ms=BAR_MS)
    again.load(portfolio.dump())
    now_ms += 1_000
    assert now_ms < NOON_MS + 300_000
    for account in (portfolio, again):
        late = replace(wish("late", "ETH", 1.0), ts_ms=now_ms)
        assert account.judge(late, 100.0, now_ms).reason is Reason.COOLDOWN
        assert account.judge(replace(late, symbol="BTC/USDT", base="BTC", side=-1), 100.0, now_ms).reason is (
            Reason.SYMBOL_OPEN
        )
        expected = 5 * (109.978 - 100.02) - 0.001 * 5 * (100.02 + 109.978)
        assert account.close("held", 110.0, now_ms) == pytest.approx(expected, abs=1e-9)
