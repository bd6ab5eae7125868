"""`cointrader menu`: the numbered menu that users of coinTrader_Trainer know, over this program's commands.

The numbers are theirs (1 Load parameters ... 14 Fallback model). Only what this version can do is listed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

Ask = Callable[[str], str]


@dataclass(frozen=True)
class Entry:
    """One line of the menu: `command` asks for what it needs and returns a command line."""

    number: int
    title: str
    command: Callable[[Ask], list[str]]


EXIT = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print the entries as JSON and end")


def run(arguments: argparse.Namespace) -> int:
    """Show the menu until Exit is chosen or the input ends; returns the last command's status."""
    if arguments.json:
        from cointrader.cli.output import print_json

        print_json([{"number": entry.number, "title": entry.title} for entry in ENTRIES])
        return 0
    status = 0
    try:
        while (entry := _choose()) is None or entry.number != EXIT:
            if entry is not None:
                status = _do(entry, arguments.workspace)
    except EOFError:
        print()
    return status


def _choose() -> Entry | None:
    """The chosen entry; None when what was typed is none of them. Raises EOFError at the end of the input."""
    print()
    for entry in ENTRIES:
        print(f"{entry.number:>3}  {entry.title}")
    text = input("Select option: ").strip()
    for entry in ENTRIES:
        if text == str(entry.number):
            return entry
    print(f"{text!r} is not one of {', '.join(str(entry.number) for entry in ENTRIES)}", file=sys.stderr)
    return None


def _do(entry: Entry, workspace: str | None) -> int:
    from cointrader.cli.main import main

    chosen = [] if workspace is None else ["--workspace", workspace]
    try:
        return main([*chosen, *entry.command(_ask)])
    except SystemExit as usage:  # argparse has said what was wrong
        return usage.code if isinstance(usage.code, int) else 2


def _ask(question: str) -> str:
    return input(f"{question}: ").strip()


def _prepare_data(ask: Ask) -> list[str]:
    path = ask("Candle file (nothing: the bundled sample)")
    return ["import", path] if path else ["import", "--sample"]


def _train(ask: Ask) -> list[str]:
    from models.registry import AGENTS

    return ["train", ask(f"Agent ({', '.join(agent.name for agent in AGENTS)})"), "--wait"]


def _backtest(ask: Ask) -> list[str]:
    strategy = ask("Strategy (nothing: all of them)")
    return ["backtest", "--strategy", strategy] if strategy else ["backtest"]


ENTRIES: tuple[Entry, ...] = (
    Entry(1, "Load parameters", lambda ask: ["settings"]),
    Entry(2, "Prepare data", _prepare_data),
    Entry(3, "Train model", _train),
    Entry(4, "Backtest strategy", _backtest),
    Entry(EXIT, "Exit", lambda ask: []),
    Entry(9, "Train logistic signal model", lambda ask: ["train", "signal_classifier", "--wait"]),
)
