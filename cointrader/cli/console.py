"""`cointrader` without a command: the console on a terminal, a summary without one."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the console."""
    parser.add_argument("--read-only", action="store_true", help="the console: no key changes anything")
    parser.add_argument("--fresh", action="store_true", help="the console: forget what it remembered")


def run(arguments: argparse.Namespace) -> int:
    """Open the console, or print what is in the workspace."""
    return open_console(arguments.workspace, read_only=arguments.read_only, fresh=arguments.fresh)


def open_console(workspace: str | None, *, read_only: bool = False, fresh: bool = False) -> int:
    """The console needs a terminal on both ends; without one nothing is asked and a summary is printed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from cointrader.cli.bootstrap import fill_and_print

        return fill_and_print(workspace, params=[], as_json=False)
    from tui.console import run_console

    return run_console(workspace, read_only=read_only, fresh=fresh)
