"""A backtest as a whole: parity with a feed, causality, determinism, and books that add up."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cointrader.backtest.report import plausibility_alarms
from cointrader.backtest.result import BacktestResult
from cointrader.backtest.run import run_backtest
from cointrader.backtest.simulate import BacktestError
from cointrader.core.limits import rules_of
from cointrader.data_feeds.candle_reading import read_candle_file
from cointrader.settings import LimitSettings, Settings, SimulationSettings
from cointrader.strategies import registry
from cointrader.trading.position import ExitReason
from storage.candles import Candles
from tests.cointrader.core.play import assets, play
from tests.cointrader.market import by_hand, head, sample, walk, without

BOTH = ("momentum", "mean_bot")
BITFINEX = Path(__file__).parents[4] / "shared/data/ohlcv/bitfinex_BTCUSD_1m_2019-04_2019-08.csv.gz"


@pytest.fixture(scope="module")
def sampled() -> BacktestResult:
    """Both strategies on both symbols of the bundled sample."""
    return run_backtest(sample(), BOTH)


def assert_fed_bar_by_bar_gives_the_same(candles: tuple[Candles, ...], result: BacktestResult) -> None:
    exits = np.zeros((len(result.strategies), result.bars), np.uint8)
    first = 0
    for item in candles:
        for number, name in enumerate(result.strategies):
            made = registry.load(name).signals(item, result.params[name])
            exits[number, first : first + len(item)] = made.exits
        first += len(item)
    assert len(assets(candles)) == len(candles)
    fed = play(candles, result.signals, rules=rules_of(result.settings), exits=exits)
    in_order = fed.trades[np.argsort(fed.trades["exit_ms"], kind="stable")]
    assert in_order.tobytes() == result.trades.tobytes()
    assert fed.verdicts.tobytes() == result.verdicts.tobytes()
    assert fed.equity.tobytes() == result.equity.tobytes()


def test_the_sample_fed_bar_by_bar_gives_the_same_trades() -> None:
    candles = tuple(head(item, 12_000) for item in sample())
    result = run_backtest(candles, BOTH)
    assert result.trades.size > 300
    assert_fed_bar_by_bar_gives_the_same(candles, result)


def test_symbols_with_different_gaps_fed_bar_by_bar_give_the_same_trades() -> None:
    one = without(without(walk(3000, 1), 500, 7), 900, 1)
    other = without(walk(3000, 2, "ETH/USDT"), 520, 300)
    result = run_backtest((one, other), BOTH)
    assert result.trades.size > 50
    assert result.gaps == 3
    assert_fed_bar_by_bar_gives_the_same((one, other), result)


@pytest.mark.slow
@pytest.mark.shared_data
def test_five_months_of_minutes_fed_bar_by_bar_give_the_same_trades() -> None:
    if not BITFINEX.exists():
        pytest.skip(f"{BITFINEX.name} lies beside a developer's checkout only")
    candles = (read_candle_file(BITFINEX, symbol="BTC/USD").candles,)
    result = run_backtest(candles, BOTH)
    assert (result.bars, result.gaps) == (217_954, 1_577)
    assert result.trades.size > 1_000
    assert_fed_bar_by_bar_gives_the_same(candles, result)


def test_the_sample_gives_signals_rejections_and_positions(sampled: BacktestResult) -> None:
    assert sampled.bars == 143_538
    assert sampled.gaps == 0
    assert sampled.signals.size > 5_000
    assert sampled.trades.size > 1_000
    assert sampled.rejected + sampled.trades.size == sampled.signals.size
    assert {"low_confidence", "strategy_exposure", "symbol_open", "cooldown"} <= set(sampled.rejections)
    reasons = {ExitReason(number) for number in sampled.trades["exit_reason"].tolist()}
    assert {ExitReason.STOP, ExitReason.TARGET, ExitReason.OPPOSITE, ExitReason.STRATEGY} <= reasons
    assert {ExitReason.TIME} <= reasons


def test_the_same_input_gives_the_same_bytes(sampled: BacktestResult) -> None:
    again = run_backtest(sample(), BOTH)
    assert again.trades.tobytes() == sampled.trades.tobytes()
    assert again.equity.tobytes() == sampled.equity.tobytes()
    assert again.rewards.normalized.tobytes() == sampled.rewards.normalized.tobytes()


def test_cutting_the_future_off_changes_nothing_of_the_past(sampled: BacktestResult) -> None:
    bars = 20_000
    early = run_backtest(tuple(head(item, bars) for item in sample()), BOTH)
    before = early.trades[early.trades["exit_reason"] != ExitReason.END_OF_DATA]
    assert before.size > 500
    assert before.tobytes() == sampled.trades[: before.size].tobytes()
    assert early.equity[:-1].tobytes() == sampled.equity[: bars - 1].tobytes()


def test_changing_the_future_changes_no_earlier_trade() -> None:
    candles = walk(3000, 3)
    result = run_backtest([candles], BOTH)
    for cut in (700, 1500, 2200):
        changed = head(candles, len(candles))
        for column in (changed.open, changed.high, changed.low, changed.close):
            column[cut:] *= 3.0
        other = run_backtest([changed], BOTH)
        known = int(candles.close_ms[cut - 1])
        past = result.trades[result.trades["exit_ms"] < known]
        assert past.size > 0
        assert past.tobytes() == other.trades[other.trades["exit_ms"] < known].tobytes()
        assert result.equity[: cut - 1].tobytes() == other.equity[: cut - 1].tobytes()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    fee=st.floats(0.0, 50.0),
    slip=st.floats(0.0, 20.0),
    size=st.floats(0.01, 0.5),
    per_symbol=st.integers(1, 3),
    gap=st.integers(0, 30),
)
def test_the_equity_at_the_end_is_the_start_plus_all_profits(
    seed: int, fee: float, slip: float, size: float, per_symbol: int, gap: int
) -> None:
    candles = [without(walk(700, seed), 400, gap), walk(650, seed + 1, "ETH/USDT")]
    chosen = Settings(
        SimulationSettings(fee_bps=fee, slippage_bps=slip, size_fraction=size),
        LimitSettings(
            order_fraction=1.0,
            asset_fraction=1.0,
            strategy_fraction=1.0,
            max_per_symbol=per_symbol,
            daily_loss_fraction=1.0,
        ),
    )
    result = run_backtest(candles, BOTH, chosen)
    assert result.equity[-1] == pytest.approx(10_000.0 + result.trades["net"].sum(), rel=1e-12)
    assert result.rejected + result.trades.size == result.signals.size
    assert sorted(set(result.trades["signal"].tolist())) == sorted(result.trades["signal"].tolist())
    assert np.all(result.trades["mae"] <= 0.0)
    assert np.all(result.trades["mfe"] >= 0.0)
    assert np.all(result.trades["exit_ms"] > result.trades["entry_ms"])
    assert np.all(result.trades["entry_ms"] >= result.signals["ts_ms"][result.trades["signal"]])


def test_higher_costs_never_leave_more() -> None:
    candles = [walk(2000, 8)]
    ends = []
    for fee in (0.0, 10.0, 50.0):
        chosen = Settings(SimulationSettings(fee_bps=fee), LimitSettings(daily_loss_fraction=1.0))
        ends.append(run_backtest(candles, ["momentum"], chosen).performance.end_equity)
    assert ends[0] > ends[1] > ends[2]


def test_parameters_of_a_strategy_are_used() -> None:
    candles = [walk(1500, 9)]
    default = run_backtest(candles, ["momentum"])
    slower = run_backtest(candles, ["momentum"], params={"momentum": {"fast": 20, "slow": 60}})
    assert slower.signals.size < default.signals.size


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_not_one_is_refused_with_its_place(bad: float) -> None:
    candles = walk(50)
    candles.low[17] = candles.high[17] = bad
    with pytest.raises(BacktestError, match="BTC/USDT: bar 17 could not have happened"):
        run_backtest([candles], BOTH)


def test_nothing_to_test_is_refused() -> None:
    with pytest.raises(BacktestError, match="needs candles"):
        run_backtest([], BOTH)
    with pytest.raises(BacktestError, match="given twice: BTC/USDT"):
        run_backtest([walk(50), walk(50)], BOTH)
    with pytest.raises(BacktestError, match="given twice: momentum"):
        run_backtest([walk(50)], ["momentum", "momentum"])
    with pytest.raises(registry.UnknownStrategy):
        run_backtest([walk(50)], ["martingale"])


def test_no_signals_are_a_result_too() -> None:
    result = run_backtest([by_hand([(100.0, 101.0, 99.0, 100.0)] * 400)], BOTH)
    assert result.signals.size == result.trades.size == 0
    assert result.performance.end_equity == 10_000.0
    assert result.performance.win_rate is None
    assert result.alarms == ()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"sharpe": 183.0}, "Sharpe ratio 183.0"),
        ({"win_rate": 0.97}, "97% of"),
        ({"profit_factor": 12.0}, "profit factor"),
        ({"profit_factor": None, "losses": 0}, "not one loss"),
        ({"max_drawdown": 0.0}, "without a drawdown"),
        ({"fees": 0.0}, "free of fees"),
    ],
)
def test_results_too_good_to_be_true_are_flagged(
    sampled: BacktestResult, changed: dict[str, Any], word: str
) -> None:
    assert plausibility_alarms(sampled.performance) == ()
    (alarm,) = plausibility_alarms(dataclasses.replace(sampled.performance, **changed))
    assert alarm.startswith("Implausible: ")
    assert word in alarm


def test_progress_is_told_in_order_and_to_the_end() -> None:
    told: list[tuple[int, int, str]] = []
    run_backtest([walk(500)], BOTH, progress=lambda done, total, text: told.append((done, total, text)))
    assert [done for done, _, _ in told] == [1, 2, 3, 4]
    assert {total for _, total, _ in told} == {4}
