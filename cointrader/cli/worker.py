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
        if arguments.ensure:
            from cointrader.jobs.ensure import IDLE_EXIT_SECONDS, ensure_worker

            idle = IDLE_EXIT_SECONDS if arguments.idle_exit is None else arguments.idle_exit
            pid = ensure_worker(place.workspace, place.connection, idle_exit=idle)
            if arguments.json:
                print_json({"pid": pid})
            else:
                print(f"a worker is alive: process {pid}")
            return 0
        from cointrader.jobs.supervisor import Supervisor

        idle_exit = 0.0 if arguments.once else arguments.idle_exit
        Supervisor(place.workspace, place.connection, place.settings.worker, idle_exit=idle_exit).run()
    return 0
