"""`cointrader doctor`: is everything this program needs there and well; it changes nothing."""

from __future__ import annotations

import argparse

from cointrader.cli.checkup import Check, Severity, examine
from cointrader.cli.output import print_json

MARKS = {Severity.WELL: "ok  ", Severity.NOTE: "note", Severity.BAD: "BAD "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--deep", action="store_true", help="let SQLite read every page of the database")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Examine and print; 1 when something is bad."""
    checks = examine(arguments.workspace, deep=arguments.deep)
    well = not any(check.severity is Severity.BAD for check in checks)
    if arguments.json:
        print_json({"well": well, "checks": [as_record(check) for check in checks]})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{MARKS[check.severity]}  {check.name.ljust(width)}  {check.text}")
    return 0 if well else 1


def as_record(check: Check) -> dict[str, str]:
    """{name, state, text}; state is ok, note or bad."""
    return {"name": check.name, "state": check.severity.value, "text": check.text}
