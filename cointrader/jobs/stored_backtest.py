"""Backtests on what the workspace holds, kept together with the end of the job that asked for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cointrader.backtest.run import run_backtest
from cointrader.backtest.store import store_backtest
from cointrader.jobs.hindsight import ask_for_hindsight
from cointrader.strategies import registry
from storage.candles import (
    CandleFileRow,
    Candles,
    CandlesMissing,
    list_candles,
    parse_timeframe,
    read_candles,
    timeframe_text,
)
from storage.database import transaction
from storage.workspace import Workspace

if TYPE_CHECKING:
    from cointrader.backtest.result import BacktestResult
    from cointrader.jobs.work import WorkContext


def stored_candles(
    workspace: Workspace,
    connection: sqlite3.Connection,
    *,
    symbols: Sequence[str] = (),
    timeframe: str | None = None,
) -> list[Candles]:
    """The candles of `stored_series`. Raises CandlesMissing or CandlesDamaged."""
    # By name and not by row: an import may replace the file between the list and the read.
    return [
        read_candles(workspace, row.symbol, row.timeframe_ms, connection=connection)
        for row in stored_series(workspace, connection, symbols=symbols, timeframe=timeframe)
    ]


def stored_series(
    workspace: Workspace,
    connection: sqlite3.Connection,
    *,
    symbols: Sequence[str] = (),
    timeframe: str | None = None,
) -> list[CandleFileRow]:
    """One series a symbol: of `timeframe`, or the one with most bars where none is named.

    Empty `symbols` means all. Raises CandlesMissing naming what is not there.
    """
    wanted_ms = None if timeframe is None else parse_timeframe(timeframe)
    best: dict[str, CandleFileRow] = {}
    for row in list_candles(connection):
        fits = (not symbols or row.symbol in symbols) and wanted_ms in (None, row.timeframe_ms)
        if fits and (row.symbol not in best or row.bars > best[row.symbol].bars):
            best[row.symbol] = row
    absent = [symbol for symbol in symbols if symbol not in best]
    if absent or not best:
        what = ", ".join(absent) or "candles"
        span = "" if wanted_ms is None else f" of {timeframe_text(wanted_ms)}"
        raise CandlesMissing(
            f"no {what}{span} in {workspace.root}; import some with `cointrader import FILE`"
        )
    return [best[symbol] for symbol in sorted(best)]


def run_stored(context: WorkContext, strategies: Sequence[str]) -> BacktestResult:
    """Run the backtest of a job: arguments `symbols`, `timeframe`, `params`."""
    arguments = context.arguments
    candles = stored_candles(
        context.workspace,
        context.connection,
        symbols=arguments.get("symbols", ()),
        timeframe=arguments.get("timeframe"),
    )
    params: Mapping[str, Any] = arguments.get("strategy_params", {})
    return run_backtest(candles, strategies, context.settings, params=params, progress=context.progress)


def backrun_stored(context: WorkContext) -> dict[str, Any]:
    """The job: test, then keep the result and end in one transaction, so that nothing is stored twice."""
    strategies = context.arguments.get("strategies") or registry.names()
    result = run_stored(context, strategies)
    with transaction(context.connection):
        run_id = store_backtest(context.workspace, context.connection, result)
        told = {"run_id": run_id, **result.summary()}
        ask_for_hindsight(context.connection)
        context.succeed(told)
    return told
