"""`cointrader rejections`: rejected signals, what each rule has saved and missed, and other thresholds."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from cointrader.cli import records
from cointrader.cli.output import number_text, print_json, print_table
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.hindsight import RuleSum

HEADER = ("rule", "rejected", "judged", "saved", "missed", "net")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    records.add_arguments(parser)
    parser.add_argument(
        "--by",
        choices=("rule",),
        help="one line a rule: how many signals it rejected, the losses that it saved, the profits that it "
        "missed, each net of costs at the default size",
    )
    parser.add_argument(
        "--propose",
        action="store_true",
        help="thresholds chosen by hindsight on an earlier window and shown on a later one, with the line "
        "for config.toml; nothing is applied",
    )
    parser.add_argument(
        "--run", type=int, dest="run_id", metavar="ID", help="with --by and --propose: only of this run"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the table or the sums."""
    if arguments.by is None and not arguments.propose:
        if arguments.run_id is not None:
            arguments.usage_error("--run goes with --by rule or --propose")
        return records.run(arguments)
    if arguments.by is not None and arguments.propose:
        arguments.usage_error("--by rule and --propose are two questions: ask one at a time")
    if arguments.filter or arguments.sort or arguments.jsonl or arguments.csv or arguments.limit is not None:
        asked = "--propose" if arguments.propose else "--by rule"
        arguments.usage_error(f"{asked} takes no other option than --run and --json")
    return _propose(arguments) if arguments.propose else _sum_up(arguments)


def _check_run(place: Place, run_id: int | None) -> None:
    """Raises StorageError for a run that does not exist: no rejections of it would be good news."""
    from storage.errors import StorageError
    from storage.runs import get_run

    if run_id is not None and get_run(place.connection, run_id) is None:
        raise StorageError(f"there is no run {run_id}")


def _propose(arguments: argparse.Namespace) -> int:
    from cointrader.cli.proposals_text import print_proposals
    from cointrader.core.learning_layer.proposed_rules import propose_thresholds

    with opened(arguments.workspace) as place:
        _check_run(place, arguments.run_id)
        found = propose_thresholds(place.workspace, place.connection, place.settings, arguments.run_id)
        if arguments.json:
            print_json(found.as_dict())
        else:
            print_proposals(found, place.workspace.config)
    return 0


def _sum_up(arguments: argparse.Namespace) -> int:
    from storage.hindsight import sums_by_rule

    with opened(arguments.workspace) as place:
        _check_run(place, arguments.run_id)
        sums = sums_by_rule(place.connection, arguments.run_id)
    if arguments.json:
        print_json(
            [{name: value for name, value in asdict(each).items() if name != "judged"} for each in sums]
        )
    else:
        _print_for_people(sums, arguments.run_id)
    return 0


def _print_for_people(sums: list[RuleSum], run_id: int | None) -> None:
    if not sums:
        print("no rejections")
        return
    body = [
        (
            each.rule,
            f"{each.n:,}",
            f"{each.judged:,}",
            *(number_text(value, 2) for value in (each.saved, each.missed, each.net)),
        )
        for each in sums
    ]
    print_table(HEADER, body, right=[False, *[True] * 5])
    print("saved: losses of trades that were not made; missed: their profits; net: saved - missed")
    if run_id is None:
        print("of all runs together, what two runs rejected counts twice; --run N is for one of them")
    if waiting := sum(each.n - each.judged for each in sums):
        print(
            f"{waiting:,} rejected signals are not judged: no worker has looked yet, no complete candles "
            "follow them, or no strategy is known"
        )
