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
from cointrader.core import decide
from cointrader.core.book import SIGNAL, Book, Market, open_book
from cointrader.core.limits import rules_of
from cointrader.settings import Settings
from cointrader.strategies import registry
from cointrader.strategies.base import SignalArrays
from cointrader.trading.close import check_trades
from cointrader.trading.position import Records
from cointrader.trading.reward_columns import reward_columns
from storage.candles import Candles

Progress = Callable[[int, int, str], None]


class BacktestError(ValueError):
    """Input that cannot be tested on; the text says which and why."""


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
    _refuse_unusable(series, strategies)
    built = {name: _params_of(name, (params or {}).get(name)) for name in strategies}
    made = _make_signals(series, strategies, built, chosen, progress)
    market, signals, prices = _arrange(series, made)
    book, marks_ms, equity, exposure = _decide(series, market, signals, chosen)
    if progress is not None:
        progress(len(made) + 1, len(made) + 2, f"{signals.size} signals decided")
    trades = _in_order_of_close(book)
    check_trades(trades)
    cost = 2e-4 * (chosen.simulation.fee_bps + chosen.simulation.slippage_bps)
    found = measure(marks_ms, equity, exposure, trades, chosen.simulation.start_equity)
    rewards = reward_columns(trades, cost, chosen.reward.streak_weight)
    if progress is not None:
        progress(len(made) + 2, len(made) + 2, f"{trades.size} positions closed")
    return BacktestResult(
        candles=series,
        strategies=tuple(strategies),
        params=built,
        settings=chosen,
        signals=signals,
        prices=prices,
        verdicts=np.sort(book.verdicts[: book.account[0]["verdicts"]], order="signal"),
        trades=trades,
        rewards=rewards,
        marks_ms=marks_ms,
        equity=equity,
        exposure=exposure,
        performance=found,
        alarms=plausibility_alarms(found),
        gaps=sum(count_gaps(item) for item in series),
        seconds=time.perf_counter() - started,
    )


def count_gaps(candles: Candles) -> int:
    """Places where two neighbouring bars are more than one timeframe apart."""
    return int(np.count_nonzero(np.diff(candles.close_ms) > candles.timeframe_ms))


def _refuse_unusable(series: tuple[Candles, ...], strategies: Sequence[str]) -> None:
    if not series or not strategies:
        raise BacktestError("a backtest needs candles and a strategy")
    for names, what in ((strategies, "strategy"), ([item.symbol for item in series], "symbol")):
        twice = {name for name in names if list(names).count(name) > 1}
        if twice:
            raise BacktestError(f"{what} given twice: {', '.join(sorted(twice))}")
    for item in series:
        if len(item) == 0:
            raise BacktestError(f"{item.symbol}: no bars")
        for name, values in item.columns.items():
            usable = np.isfinite(values) & ((values >= 0.0) if name == "volume" else (values > 0.0))
            if not usable.all():
                bad = int(np.flatnonzero(~usable)[0])
                raise BacktestError(f"{item.symbol}: {name} of bar {bad} is {values[bad]}")


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
) -> list[tuple[int, int, SignalArrays]]:
    """(symbol, strategy, signals) of every pair."""
    made: list[tuple[int, int, SignalArrays]] = []
    total = len(series) * len(strategies) + 2
    for number, item in enumerate(series):
        for which, name in enumerate(strategies):
            found = registry.load(name).signals(item, params[name], stop_atr=settings.simulation.stop_atr)
            made.append((number, which, found))
            if progress is not None:
                progress(len(made), total, f"{name} on {item.symbol}: {len(found)} signals")
    return made


def _arrange(
    series: tuple[Candles, ...], made: list[tuple[int, int, SignalArrays]]
) -> tuple[Market, Records, np.ndarray[Any, np.dtype[np.float64]]]:
    """Columns one symbol after the other, and all signals ordered by (time, symbol, strategy)."""
    offsets = _offsets(series)
    exits = np.zeros((1 + max(which for _, which, _ in made), offsets[-1]), np.uint8)
    signals = np.zeros(sum(len(found) for _, _, found in made), SIGNAL)
    prices = np.empty(signals.size)
    first = 0
    for number, which, found in made:
        exits[which, offsets[number] : offsets[number + 1]] = found.exits
        block = signals[first : first + len(found)]
        prices[first : first + len(found)] = series[number].close[found.index]
        block["ts_ms"] = series[number].close_ms[found.index]
        block["symbol"], block["strategy"], block["side"] = number, which, found.side
        for name in ("max_bars", "confidence", "stop_distance", "target_distance", "trail_distance"):
            block[name] = getattr(found, name)
        for name in ("price", "spread_bps", "quantity"):
            block[name] = np.nan
        first += len(found)
    order = np.lexsort((signals["strategy"], signals["symbol"], signals["ts_ms"]))
    columns = {
        name: _joined([getattr(item, name) for item in series]) for name in ("open", "high", "low", "close")
    }
    return Market(exits=exits, **columns), signals[order], prices[order]


def _offsets(series: tuple[Candles, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.concatenate(([0], np.cumsum([len(item) for item in series]))).astype(np.int64)


def _joined(parts: list[Any]) -> Any:
    return np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)


def _decide(
    series: tuple[Candles, ...], market: Market, signals: Records, settings: Settings
) -> tuple[Book, Any, Any, Any]:
    """Run the kernel; returns its book and the marks of every moment."""
    rules = rules_of(settings)
    book = open_book(
        [item.symbol.partition("/")[0] for item in series],
        [item.timeframe_ms for item in series],
        settings.simulation.start_equity,
        rules.max_per_symbol,
        signals.size,
    )
    bars = market.close.size
    marks_ms, equity, exposure = np.empty(bars, np.int64), np.empty(bars), np.empty(bars)
    rows, next_row = np.empty((2, len(series)), np.int64)
    close_ms = _joined([item.close_ms for item in series])
    moments = decide.run(
        rules,
        book,
        market,
        close_ms,
        _offsets(series),
        signals,
        marks_ms,
        equity,
        exposure,
        next_row,
        rows,
    )
    return book, marks_ms[:moments], equity[:moments], exposure[:moments]


def _in_order_of_close(book: Book) -> Records:
    trades = book.trades[: book.account[0]["trades"]]
    return trades[np.argsort(trades["exit_ms"], kind="stable")]
