"""Run strategies over history.

Strategies make their signals over whole columns; the decision kernel then walks all symbols merged in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cointrader.backtest.report import measure, plausibility_alarms
from cointrader.backtest.result import BacktestResult
from cointrader.backtest.simulate import BacktestError, Bars, Made, simulate
from cointrader.settings import Settings
from cointrader.strategies import registry
from cointrader.trading.close import check_trades
from cointrader.trading.reward_columns import reward_columns
from storage.candles import Candles

Progress = Callable[[int, int, str], None]


def run_backtest(
    candles: Sequence[Candles],
    strategies: Sequence[str],
    settings: Settings | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> BacktestResult:
    """Every strategy on every symbol, as one account.

    `params` holds the parameters of a strategy by its name, as its dataclass or as a mapping; the defaults
    otherwise. Raises BacktestError for candles that cannot be used, UnknownStrategy, and ParameterError.
    """
    started = time.perf_counter()
    chosen = settings or Settings()
    series = tuple(candles)
    _refuse_twice(series, strategies)
    built = {name: _params_of(name, (params or {}).get(name)) for name in strategies}
    bars = Bars(series)
    made = _make_signals(series, strategies, built, chosen, progress)
    found = simulate(bars, made, chosen)
    if progress is not None:
        progress(len(made) + 1, len(made) + 2, f"{found.signals.size} signals decided")
    trades, marks = found.trades, found.marks
    check_trades(trades)
    cost = 2e-4 * (chosen.simulation.fee_bps + chosen.simulation.slippage_bps)
    measured = measure(marks.close_ms, marks.equity, marks.exposure, trades, chosen.simulation.start_equity)
    rewards = reward_columns(trades, cost, chosen.reward.streak_weight)
    if progress is not None:
        progress(len(made) + 2, len(made) + 2, f"{trades.size} positions closed")
    return BacktestResult(
        candles=series,
        strategies=tuple(strategies),
        params=built,
        settings=chosen,
        signals=found.signals,
        prices=bars.close[found.signals["row"]],
        verdicts=found.verdicts,
        trades=trades,
        rewards=rewards,
        marks_ms=marks.close_ms,
        equity=marks.equity,
        exposure=marks.exposure,
        performance=measured,
        alarms=plausibility_alarms(measured),
        gaps=sum(count_gaps(item) for item in series),
        seconds=time.perf_counter() - started,
    )


def count_gaps(candles: Candles) -> int:
    """Places where two neighbouring bars are more than one timeframe apart."""
    return int(np.count_nonzero(np.diff(candles.close_ms) > candles.timeframe_ms))


def _refuse_twice(series: tuple[Candles, ...], strategies: Sequence[str]) -> None:
    if not series or not strategies:
        raise BacktestError("a backtest needs candles and a strategy")
    for names, what in ((strategies, "strategy"), ([item.symbol for item in series], "symbol")):
        twice = {name for name in names if list(names).count(name) > 1}
        if twice:
            raise BacktestError(f"{what} given twice: {', '.join(sorted(twice))}")


def _params_of(name: str, given: Any) -> Any:
    wanted = registry.params_class(name)
    if isinstance(given, wanted):
        return given
    return registry.build_params(name, given)


def _make_signals(
    series: tuple[Candles, ...],
    strategies: Sequence[str],
    params: Mapping[str, Any],
    settings: Settings,
    progress: Progress | None,
) -> list[Made]:
    """The signals of every strategy on every symbol, ordered by (symbol, strategy)."""
    made: list[Made] = []
    total = len(series) * len(strategies) + 2
    for number, item in enumerate(series):
        for which, name in enumerate(strategies):
            found = registry.load(name).signals(item, params[name], stop_atr=settings.simulation.stop_atr)
            made.append(Made(number, which, found))
            if progress is not None:
                progress(len(made), total, f"{name} on {item.symbol}: {len(found)} signals")
    return made
