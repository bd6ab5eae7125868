"""`cointrader import`: candle files into the workspace, each with a report of what was refused and why."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import print_json, time_text
from cointrader.cli.place import Place, opened
from cointrader.cli.progress import ProgressLine

if TYPE_CHECKING:
    from cointrader.data_feeds.candle_import import ImportResult
    from cointrader.data_feeds.errors import CandleFileError

SHOWN_REFUSALS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="candle file")
    parser.add_argument("--sample", action="store_true", help="the bundled candles")
    parser.add_argument("--symbol", metavar="BASE/QUOTE", help="when neither file nor file name say it")
    parser.add_argument("--timeframe", metavar="TF", help="such as 1m, 5m, 1h; found in the data otherwise")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Import every file; one that is refused does not keep the others out."""
    from cointrader.data_feeds.errors import CandleFileError
    from cointrader.data_feeds.sample import sample_files

    paths = [*arguments.paths, *(sample_files() if arguments.sample else ())]
    if not paths:
        arguments.usage_error("name a file, or say --sample")
    reports: list[dict[str, Any]] = []
    with opened(arguments.workspace) as place:
        for path in paths:
            try:
                result = _import_one(place, path, arguments)
            except CandleFileError as error:
                reports.append(refusal(path, error))
                print(f"cointrader: {error}", file=sys.stderr)
                continue
            reports.append({"path": str(path), "imported": True, **asdict(result)})
            if not arguments.json:
                print_report(result)
    if arguments.json:
        print_json(reports)
    return 0 if all(report["imported"] for report in reports) else 1


def _import_one(place: Place, path: Path, arguments: argparse.Namespace) -> ImportResult:
    from cointrader.data_feeds.candle_import import import_candles

    with ProgressLine(path.name) as line:
        return import_candles(
            place.workspace,
            place.connection,
            path,
            symbol=arguments.symbol,
            timeframe=arguments.timeframe,
            progress=line.update,
        )


def refusal(path: Path, error: CandleFileError) -> dict[str, Any]:
    """A refused file for scripts: where, which field, why, and the rows that were to blame."""
    return {
        "path": str(path),
        "imported": False,
        "line": error.line,
        "field": error.field,
        "reason": error.reason,
        "refused": [asdict(row) for row in error.refused],
    }


def print_report(result: ImportResult) -> None:
    """What became of one file, for people."""
    report = result.report
    print(result.text)
    print(
        f"  {result.dialect}, {time_text(report.first_close_ms)} to {time_text(report.last_close_ms)}, "
        f"{report.rows:,} rows, {report.missing_bars:,} bars missing, {report.zero_volume:,} without volume"
    )
    for note in report.notes:
        print(f"  {note}")
    for row in result.refused[:SHOWN_REFUSALS]:
        print(f"  line {row.line}: {row.field}: {row.reason}")
    if len(result.refused) > SHOWN_REFUSALS:
        print(f"  and {len(result.refused) - SHOWN_REFUSALS:,} more; --json prints them all")
