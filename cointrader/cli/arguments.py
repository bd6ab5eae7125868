"""The grammar of the command line: one subparser a command, `--workspace` before or after it.

Each command's module declares its own options (`add_arguments`) and its own work (`run`), and imports
nothing heavy at its top, so that `--help` and a usage error cost nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Protocol

from cointrader.cli import (
    backtest,
    bootstrap,
    bot,
    chain,
    collect,
    doctor,
    feed,
    imports,
    jobs,
    menu,
    order,
    paper,
    records,
    rejections,
    replay,
    report,
    sessions,
    settings,
    step,
    train,
    verify,
    why_not,
    worker,
)


class Command(Protocol):
    """A module of one command or of several that share their options."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work; returns the exit status."""


def parse(given: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; `run` is the function to call. Exits with status 2 on wrong usage."""
    return build_parser().parse_args(given)


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    from cointrader import __version__
    from cointrader.cli import console

    parser = argparse.ArgumentParser(
        prog="cointrader",
        description="Every decision and every training run of a crypto bot, in one workspace. "
        "Without a command it opens the console; without a terminal it prints a summary instead.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"coinTrader Console {__version__}")
    _add_workspace(parser, default=None)
    console.add_arguments(parser)
    parser.set_defaults(run=console.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, module, summary in COMMANDS:
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        _add_workspace(command, default=argparse.SUPPRESS)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _add_workspace(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--workspace",
        metavar="DIR",
        default=default,
        help="folder that holds everything (else COINTRADER_WORKSPACE, else the user-data folder)",
    )


COMMANDS: tuple[tuple[str, Command, str], ...] = (
    (
        "bootstrap",
        bootstrap,
        "fill an empty workspace from the bundled real candles, and print what is there",
    ),
    ("import", imports, "import candles, books, trades, news and histories: files, folders, archives"),
    ("feed", feed, "play recorded market data through the feed pipeline, and print how long each stage took"),
    ("backtest", backtest, "run strategies and the whole decision path over candles"),
    ("paper", paper, "trade on paper: start, pause, resume, stop, status"),
    ("order", order, "buy, sell and close by hand on a paper run"),
    ("train", train, "queue the training of one agent"),
    ("replay", replay, "train again on chosen setups beside an unfiltered control, or replay a session"),
    ("collect", collect, "collect setups from stored candles, and validate their outcomes"),
    ("setups", records, "print setups: what was known, what it was worth, how urgently it is learned from"),
    ("sessions", sessions, "list training runs, newest first, with how their steps are kept"),
    ("step", step, "show one optimiser step, rebuild its weights, or verify its gradient"),
    ("signals", records, "print signals and what became of them"),
    (
        "rejections",
        rejections,
        "print rejected signals with their reason, or what each rule saved and missed",
    ),
    ("report", report, "how much is rejected and by what; whether what was accepted has paid"),
    ("positions", records, "print positions"),
    ("position", chain, "print the chain of one position, as `why` does"),
    ("why", chain, "why a position was opened, what it came to, and what was learned from it"),
    ("why-not", why_not, "why a signal was rejected, by whom, and what it would have earned"),
    ("bot", bot, "what coinTrader2.0 does, why it does not trade, whether its model is loaded"),
    ("jobs", jobs, "list jobs, cancel one, print the log of one"),
    ("worker", worker, "run queued jobs, each in a child process"),
    ("doctor", doctor, "check workspace, database, disk, device, packages, worker and configuration"),
    ("verify", verify, "check that every kept file is, to the byte, what was written"),
    ("settings", settings, "print every setting in force, with its range"),
    ("menu", menu, "a numbered menu"),
)
