"""`cointrader import`: candle files into the workspace, each with a report of what was refused and why."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cointrader.cli.output import print_json
from cointrader.cli.place import Place, opened
from cointrader.cli.progress import ProgressLine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="candle file")
    parser.add_argument("--symbol", metavar="BASE/QUOTE", help="when neither file nor file name say it")
    parser.add_argument("--timeframe", metavar="TF", help="such as 1m, 5m, 1h; found in the data otherwise")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Import every file; one that is refused does not keep the others out."""
    from cointrader.data_feeds.candle_import import CandleFileError

    reports: list[dict[str, Any]] = []
    with opened(arguments.workspace) as place:
        for path in arguments.paths:
            try:
                reports.append(_import_one(place, path, arguments))
            except CandleFileError as error:
                reports.append({"path": str(path), "error": str(error)})
                print(f"cointrader: {error}", file=sys.stderr)
    if arguments.json:
        print_json(reports)
    else:
        for report in reports:
            if "error" not in report:
                print(report_text(report))
    return 1 if any("error" in report for report in reports) else 0


def _import_one(place: Place, path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    from cointrader.data_feeds.candle_import import import_candles

    with ProgressLine(path.name) as line:
        result = import_candles(
            place.workspace, place.connection, path, symbol=arguments.symbol, progress=line.update
        )
    return {"path": str(path), **asdict(result)}


def report_text(report: dict[str, Any]) -> str:
    """What became of one file, for people."""
    return str(report)
