"""`cointrader collect`: setups from stored candles, their outcomes and experiences, as a job."""

from __future__ import annotations

import argparse
from typing import Any

from cointrader.cli.output import print_json, print_table
from cointrader.cli.place import Place, opened
from cointrader.cli.words import timeframe

WAITING_IDLE_EXIT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--symbols", default="", metavar="LIST", help="such as BTC/USDT,ETH/USDT (default: every symbol)"
    )
    parser.add_argument(
        "--timeframe",
        type=timeframe,
        metavar="TF",
        help="such as 5m (default: of each symbol the one with most bars)",
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="look at all of the history again: for earlier candles, and for signals of later backtests",
    )
    parser.add_argument("--wait", action="store_true", help="show progress and print the result")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Queue the collection, and wait for it if asked to."""
    from cointrader.data_feeds.instrument import parse_instrument
    from cointrader.jobs.requests import enqueue_collection
    from cointrader.jobs.stored_backtest import stored_series

    names = [name.strip() for name in arguments.symbols.split(",") if name.strip()]
    symbols = [parse_instrument(name).symbol for name in names]
    with opened(arguments.workspace) as place:
        # What is not there is said now, not by a job that fails.
        stored_series(place.workspace, place.connection, symbols=symbols, timeframe=arguments.timeframe)
        job_id = enqueue_collection(
            place.connection, symbols=symbols, timeframe=arguments.timeframe, whole=arguments.whole
        )
        if arguments.wait:
            return _wait(place, job_id, arguments.json)
        from cointrader.jobs.ensure import ensure_worker

        ensure_worker(place.workspace, place.connection)
        if arguments.json:
            print_json({"job": job_id})
        else:
            print(f"queued as job {job_id}; `cointrader jobs` shows it, `--wait` waits for the result")
    return 0


def _wait(place: Place, job_id: int, as_json: bool) -> int:
    from cointrader.cli.follow import follow

    outcome = follow(place, job_id, idle_exit=WAITING_IDLE_EXIT_SECONDS)
    job = outcome.jobs[0]
    record: dict[str, Any] = {"job": job.id, "state": job.state, **job.result}
    if job.error:
        record["error"] = job.error
    if as_json:
        print_json(record)
    elif outcome.succeeded:
        print_collected(record)
    return 0 if outcome.succeeded else 1


def print_collected(record: dict[str, Any]) -> None:
    """The result for people: a line a series, then what is not complete and why."""
    names = ("bars", "collected", "refused", "rapid", "validated", "waiting", "incomplete", "experiences")
    print_table(
        ("series", *names),
        [
            (f"{line['symbol']} {line['timeframe']}", *(f"{line[name]:,}" for name in names))
            for line in record["series"]
        ],
        right=(False, *(True for _ in names)),
    )
    for line in record["series"]:
        for text in (*line["reasons"].values(), *([line["error"]] if line["error"] else ())):
            print(f"\n{line['symbol']} {line['timeframe']}: {text}")
