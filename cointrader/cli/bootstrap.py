"""`cointrader bootstrap`: fill an empty workspace from the bundled real candles, then say what is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cointrader.cli.output import number_text, print_json, print_table
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from cointrader.jobs.summary import Summary

# A worker that was started only for this leaves soon after, so that a script leaves nothing running behind.
IDLE_EXIT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="AGENT.NAME=VALUE",
        help="a parameter of one of the first trainings, for example cnn.steps=300",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Fill and print."""
    return fill_and_print(arguments.workspace, params=arguments.param, as_json=arguments.json)


def fill_and_print(workspace: str | None, *, params: Sequence[str], as_json: bool) -> int:
    """Fill the workspace if it is empty, print the summary; 1 when one of the jobs failed."""
    from cointrader.jobs import bootstrap
    from cointrader.jobs.summary import summarise

    with opened(workspace) as place:
        status = 0
        chosen = bootstrap.parse_params(params)
        job_id = bootstrap.pending_bootstrap(place.connection)
        if job_id is None and not bootstrap.workspace_is_filled(place.connection):
            print(f"filling {place.workspace.root} from the bundled candles", file=sys.stderr)
            job_id = bootstrap.enqueue_bootstrap(place.connection, chosen)
        if job_id is not None:
            status = _follow(place, job_id)
        summary = summarise(place.connection)
        if as_json:
            print_json(summary.as_record())
        else:
            print_summary(place, summary)
    return status


def _follow(place: Place, job_id: int) -> int:
    from cointrader.cli.follow import follow

    outcome = follow(place, job_id, idle_exit=IDLE_EXIT_SECONDS)
    return 0 if outcome.succeeded else 1


def print_summary(place: Place, summary: Summary) -> None:
    """What is in the workspace, and how each newest version did on rows it never saw."""
    print(f"workspace {place.workspace.root}")
    counts = (
        ("candles", summary.candles),
        ("signals", summary.signals),
        ("rejections", summary.rejections),
        ("closed positions", summary.closed_positions),
        ("setups", summary.setups),
        ("validated outcomes", summary.validated),
        ("experiences", summary.experiences),
    )
    rows = [(name, f"{count:,}") for name, count in counts]
    rows.append(("mean completeness", number_text(summary.mean_completeness, 2) or "not defined"))
    print_table(("what", "count"), rows, right=(False, True))
    print()
    if not summary.versions:
        print("nothing is trained yet: `cointrader train list` names what can be")
        return
    print_table(
        ("agent", "version", "status", "metric (out of sample)", "value", "baseline"),
        [
            (
                line.agent,
                f"v{line.version}",
                line.status,
                line.metric,
                number_text(line.value) or "not defined",
                number_text(line.baseline) or "not defined",
            )
            for line in summary.versions
        ],
        right=(False, False, False, False, True, True),
    )
