"""`cointrader why-not ID`: why a signal was rejected, what the agents said, what it would have earned."""

from __future__ import annotations

import argparse

from cointrader.cli.chain import show
from cointrader.cli.place import opened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("signal", type=int, metavar="ID", help="as `cointrader signals` prints it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the chain of one signal, to its rejection, or to its position where it has one."""
    from storage.chain import signal_chain

    with opened(arguments.workspace) as place:
        show(place, signal_chain(place.connection, arguments.signal), as_json=arguments.json)
    return 0
