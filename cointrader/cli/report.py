"""`cointrader report`: how much is rejected and by what, and whether what was accepted has paid."""

from __future__ import annotations

import argparse
from typing import Any

from cointrader.cli.output import print_json
from cointrader.cli.place import opened

DEFAULT_SINCE = "30d"
ERRORS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("about", choices=("rejections", "accuracy"), help="which report")
    parser.add_argument(
        "--since",
        default=DEFAULT_SINCE,
        metavar="TIME",
        help="of signals from then to the last one: 7d or 12h before it, 2024-09-01, or start "
        f"(default {DEFAULT_SINCE})",
    )
    parser.add_argument(
        "--run", type=int, dest="run_id", metavar="ID", help="only of this run (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print one report."""
    from cointrader.cli import report_text
    from storage.errors import StorageError
    from storage.report_counts import stretch_since
    from storage.runs import get_run

    with opened(arguments.workspace) as place:
        if arguments.run_id is not None and get_run(place.connection, arguments.run_id) is None:
            raise StorageError(f"there is no run {arguments.run_id}")
        stretch = stretch_since(place.connection, arguments.since, arguments.run_id)
        if stretch is None:
            return _nothing(arguments.json)
        if arguments.about == "rejections":
            from cointrader.core.learning_layer.rejection_report import report_rejections

            rejections = report_rejections(place.connection, stretch)
            if arguments.json:
                print_json(rejections.as_dict())
            else:
                report_text.print_rejections(rejections)
            return 0
        from cointrader.core.learning_layer.accuracy_report import report_accuracy
        from cointrader.core.learning_layer.log_mining import mine_logs
        from cointrader.core.learning_layer.prediction_report import report_predictions
        from storage.report_counts import bot_said

        predictions = report_predictions(place.workspace, place.connection, stretch)
        accuracy = report_accuracy(place.connection, stretch, predictions)
        actions, errors, latest = bot_said(place.connection, ERRORS)
        logs: dict[str, Any] = {
            "logs": mine_logs(place.workspace.logs).as_dict(),
            "bot": {
                "actions": actions,
                "error_count": errors,
                "errors": [{"ts_ms": ms, "action": kind, "text": text} for ms, kind, text in latest],
            },
        }
    if arguments.json:
        print_json(accuracy.as_dict() | logs)
    else:
        report_text.print_accuracy(accuracy)
        report_text.print_logs(logs)
    return 0


def _nothing(as_json: bool) -> int:
    if as_json:
        print_json(None)
    else:
        print("no signals yet; `cointrader backtest` or `cointrader paper start` makes some")
    return 0
