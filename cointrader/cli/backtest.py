"""`cointrader backtest`: strategies, limits, fills, rewards and metrics over history."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import number_text, print_json, print_table
from cointrader.cli.place import Place, opened
from cointrader.cli.progress import ProgressLine
from cointrader.cli.words import timeframe

if TYPE_CHECKING:
    from storage.candles import Candles

SHOWN_REFUSALS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--candles", type=Path, metavar="FILE", help="test on this file instead of the stored candles"
    )
    parser.add_argument("--symbol", metavar="BASE/QUOTE", help="only this symbol; for a file, what it holds")
    parser.add_argument("--timeframe", type=timeframe, metavar="TF", help="such as 1m, 5m, 1h")
    parser.add_argument(
        "--strategy", action="append", default=[], metavar="NAME", help="may be given again (default: all)"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the strategy; STRATEGY.NAME=VALUE when there are several",
    )
    parser.add_argument(
        "--store",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep signals, rejections and positions (default: yes for stored candles, no for a file)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Load, test, store if wanted, print."""
    from cointrader.backtest.run import run_backtest
    from cointrader.strategies import registry

    strategies = arguments.strategy or list(registry.names())
    params = strategy_params(strategies, arguments.param)
    with opened(arguments.workspace) as place:
        candles = _candles(place, arguments)
        with ProgressLine("backtest") as line:
            result = run_backtest(candles, strategies, place.settings, params=params, progress=line.update)
        told = result.summary()
        if arguments.store or (arguments.store is None and arguments.candles is None):
            from cointrader.backtest.store import store_backtest
            from cointrader.core.hindsight_pass import judge_rejections

            told["run_id"] = store_backtest(place.workspace, place.connection, result)
            with ProgressLine("hindsight") as line:
                judge_rejections(place.workspace, place.connection, line.update)
    if arguments.json:
        print_json(told)
    else:
        print_result(told)
    return 0


def strategy_params(strategies: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """The checked parameters of each strategy; raises UnknownStrategy, and ParameterError with the range."""
    from cointrader.strategies import registry
    from models.parameters import ParameterError

    values: dict[str, dict[str, str]] = {name: {} for name in strategies}
    for text in texts:
        name, equals, value = text.partition("=")
        strategy, dot, parameter = name.partition(".")
        if not dot and len(strategies) == 1:
            strategy, parameter = strategies[0], name
        if not equals or not parameter or strategy not in values:
            expected = "must be NAME=VALUE for one strategy, STRATEGY.NAME=VALUE for several"
            raise ParameterError("--param", text, f"{expected} ({', '.join(strategies)})")
        values[strategy][parameter] = value
    return {name: registry.build_params(name, given) for name, given in values.items()}


def _candles(place: Place, arguments: argparse.Namespace) -> list[Candles]:
    """The candles of the file, or the stored ones."""
    if arguments.candles is not None:
        from cointrader.data_feeds.candle_reading import read_candle_file

        reading = read_candle_file(arguments.candles, symbol=arguments.symbol, timeframe=arguments.timeframe)
        for row in reading.refused[:SHOWN_REFUSALS]:
            print(f"{arguments.candles}:{row.line}: {row.field}: {row.reason}; left out", file=sys.stderr)
        return [reading.candles]
    from cointrader.data_feeds.instrument import parse_instrument
    from cointrader.jobs.stored_backtest import stored_candles

    symbols = [parse_instrument(arguments.symbol).symbol] if arguments.symbol else []
    return stored_candles(place.workspace, place.connection, symbols=symbols, timeframe=arguments.timeframe)


def print_result(told: dict[str, Any]) -> None:
    """The result for people."""
    print(
        f"{', '.join(told['strategies'])} on {', '.join(told['symbols'])}: {told['bars']:,} bars, "
        f"{told['gaps']:,} gaps, {told['seconds']} s"
    )
    print(f"{told['signals']:,} signals, {told['rejections']:,} rejected, {told['trades']:,} trades")
    for reason, count in told["rejections_by_reason"].items():
        print(f"  {reason.ljust(20)} {count:>10,}")
    print()
    rows = [(name.replace("_", " "), metric_text(value)) for name, value in told["metrics"].items()]
    print_table(("metric", "value"), rows, right=(False, True))
    for alarm in told["alarms"]:
        print(f"\n{alarm}")
    if "run_id" in told:
        print(f"\nkept as run {told['run_id']}: `cointrader positions --filter run:{told['run_id']}`")


def metric_text(value: object) -> str:
    """One measure for people; `not defined` where it is none."""
    if value is None:
        return "not defined"
    return number_text(value) if isinstance(value, float) else str(value)
