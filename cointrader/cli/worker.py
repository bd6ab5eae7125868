"""`cointrader worker`: run queued jobs, each in a child process."""

from __future__ import annotations

import argparse

from cointrader.cli.output import print_json
from cointrader.cli.place import opened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="work until the queue is empty, then end")
    how.add_argument(
        "--ensure", action="store_true", help="start a worker in the background if none is alive"
    )
    parser.add_argument(
        "--idle-exit", type=_seconds, metavar="SECONDS", help="end after so many seconds without work"
    )
    parser.add_argument("--json", action="store_true", help="with --ensure: print {pid} as JSON")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Work in this process until told to stop, or make sure that somebody does."""
    with opened(arguments.workspace) as place:
        bot = place.settings.bot
        if arguments.ensure:
            from cointrader.jobs.ensure import IDLE_EXIT_SECONDS, ensure_worker

            # A bot that is followed has no pause: its worker stays.
            by_default = None if bot.watch and bot.folder else IDLE_EXIT_SECONDS
            idle = by_default if arguments.idle_exit is None else arguments.idle_exit
            pid = ensure_worker(place.workspace, place.connection, idle_exit=idle)
            if arguments.json:
                print_json({"pid": pid})
            else:
                print(f"a worker is alive: process {pid}")
            return 0
        from cointrader.jobs.close_training import WaitingCloses
        from cointrader.jobs.hindsight import WaitingHindsight
        from cointrader.jobs.new_candles import NewCandles
        from cointrader.jobs.retraining import WaitingRetraining
        from cointrader.jobs.supervisor import Supervisor
        from cointrader.jobs.watching import Watching

        Supervisor(
            place.workspace,
            place.connection,
            place.settings.worker,
            idle_exit=0.0 if arguments.once else arguments.idle_exit,
            watching=Watching(place.workspace) if bot.watch and not arguments.once else None,
            candles=None if arguments.once else NewCandles(place.connection, place.settings.training),
            closes=None if arguments.once else WaitingCloses(place.connection, place.settings.training),
            hindsight=None if arguments.once else WaitingHindsight(place.connection),
            retraining=None if arguments.once else WaitingRetraining(place.connection, place.settings.core),
        ).run()
    return 0
