"""`cointrader feed FILE`: recorded market data through the feed pipeline as if they came in now."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cointrader.cli.output import print_json, print_table
from cointrader.cli.place import opened
from cointrader.cli.progress import ProgressLine

if TYPE_CHECKING:
    from cointrader.data_feeds.playback import PlaybackReport
    from storage.latency import StageLatency


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE", help="candles, trades, books, a depth stream, news"
    )
    parser.add_argument("--symbol", metavar="BASE/QUOTE", help="when neither file nor file name say it")
    parser.add_argument(
        "--speed", type=float, default=0.0, metavar="X", help="1 is the recorded pace; 0, as fast as it goes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Play every file, then print what was stored and how long each stage took."""
    from cointrader.data_feeds.playback import play_file
    from storage.latency import latency_figures

    reports = []
    with opened(arguments.workspace) as place:
        for path in arguments.paths:
            with ProgressLine(path.name) as line:
                report = play_file(
                    place.workspace,
                    place.connection,
                    path,
                    speed=max(0.0, arguments.speed),
                    symbol=arguments.symbol,
                    progress=line.update,
                )
            reports.append(report)
            if not arguments.json:
                print(report_text(report))
        figures = latency_figures(place.connection)
    if arguments.json:
        latency = [{**asdict(each), "is_within": each.is_within} for each in figures]
        print_json({"files": [asdict(report) for report in reports], "latency": latency})
    else:
        print_latency(figures)
    return 0


def report_text(report: PlaybackReport) -> str:
    """One sentence on a file."""
    stored = ", ".join(f"{count:,} {type}" for type, count in sorted(report.records.items()))
    refused = f", {report.refused:,} refused" if report.refused else ""
    pace = sum(report.records.values()) / report.seconds if report.seconds else 0.0
    return f"{report.path}: {report.rows:,} rows, {stored}{refused}; {pace:,.0f} records/s"


def print_latency(figures: list[StageLatency]) -> None:
    """Percentiles a stage and type, beside their targets."""
    print_table(
        ("stage", "record", "measured", "p50 ms", "p95 ms", "p99 ms", "target ms", ""),
        [
            (
                each.stage,
                each.type,
                f"{each.count:,}",
                f"{each.p50_ms:.3f}",
                f"{each.p95_ms:.3f}",
                f"{each.p99_ms:.3f}",
                "" if each.target_ms is None else f"{each.target_ms:g}",
                "" if each.target_ms is None else "within" if each.is_within else "OVER",
            )
            for each in figures
        ],
        right=(False, False, True, True, True, True, True, False),
    )
