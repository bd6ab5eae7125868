"""`cointrader import`: files, folders and archives into the workspace, each with a report.

It says what each file was recognised as and why. On a terminal it asks for what neither a file nor its
name says; without one it never asks: the file is refused with the option that would have said it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import print_json, print_table
from cointrader.cli.place import opened
from cointrader.cli.progress import ProgressLine
from cointrader.cli.words import timeframe

if TYPE_CHECKING:
    from cointrader.data_feeds.front_door import Ask
    from cointrader.data_feeds.outcome import FileOutcome
    from cointrader.data_feeds.preview import FilePreview
    from cointrader.interop.file_kind import ImportOptions, Question, Recognition

SHOWN_REFUSALS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="file, folder or archive")
    parser.add_argument("--sample", action="store_true", help="the bundled candles")
    parser.add_argument(
        "--preview", action="store_true", help="say what each file is and show its first lines; store nothing"
    )
    parser.add_argument("--symbol", metavar="BASE/QUOTE", help="when neither file nor file name say it")
    parser.add_argument(
        "--timeframe", type=timeframe, metavar="TF", help="such as 1m, 5m, 1h; found in the data otherwise"
    )
    parser.add_argument(
        "--zone", metavar="ZONE", help="of times without one, such as Europe/Zurich; UTC otherwise"
    )
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Import every file; one that is refused does not keep the others out. Exit status 1 when one was."""
    from cointrader.data_feeds.outcome import REFUSED
    from cointrader.data_feeds.sample import sample_files

    paths = [*arguments.paths, *(sample_files() if arguments.sample else ())]
    if not paths:
        arguments.usage_error("name a file, a folder or an archive, or say --sample")
    if arguments.preview:
        return _preview(arguments, paths)
    outcomes = _import(arguments, paths)
    if arguments.json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        print_summary(outcomes)
    return 1 if any(outcome.state == REFUSED for outcome in outcomes) else 0


def _import(arguments: argparse.Namespace, paths: list[Path]) -> list[FileOutcome]:
    from cointrader.data_feeds.front_door import FrontDoor

    outcomes = []
    with opened(arguments.workspace) as place, ProgressLine("import") as line:
        ask = _asker(line) if sys.stdin.isatty() and sys.stderr.isatty() and not arguments.json else None
        door = FrontDoor(place.workspace, place.connection, _options(arguments), ask)
        for outcome in door.take(paths, line.update):
            outcomes.append(outcome)
            line.clear()
            print_outcome(outcome, quiet=arguments.json)
    return outcomes


def _options(arguments: argparse.Namespace) -> ImportOptions:
    from cointrader.interop.file_kind import ImportOptions

    return ImportOptions(symbol=arguments.symbol, timeframe=arguments.timeframe, zone=arguments.zone)


def _asker(line: ProgressLine) -> Ask:
    """Asks on the terminal; a zone is asked for once and holds for the files that follow."""
    zones: list[str] = []

    def ask(name: str, recognition: Recognition, question: Question) -> str:
        if question.option == "zone" and zones:
            return zones[0]
        line.clear()
        print(f"{name}: {recognition.kind}, because {recognition.why}", file=sys.stderr)
        default = f" [{question.default}]" if question.default else ""
        print(f"  {question.text}{default} ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip() or question.default
        if question.option == "zone":
            zones.append(answer)
        return answer

    return ask


def _preview(arguments: argparse.Namespace, paths: list[Path]) -> int:
    from cointrader.data_feeds.preview import preview_files
    from storage.workspace import resolve_workspace

    previews = list(preview_files(resolve_workspace(arguments.workspace), paths))
    if arguments.json:
        print_json([asdict(preview) for preview in previews])
    else:
        for preview in previews:
            print_preview(preview)
    return 0


def print_preview(preview: FilePreview) -> None:
    """What a file would be imported as, for people."""
    print(preview.path)
    if not preview.kind:
        print(f"  {preview.why}")
    else:
        said = " ".join(part for part in (preview.symbol, preview.timeframe) if part)
        print(f"  {preview.kind}, because {preview.why}{f'; {said}' if said else ''}")
    for question in preview.questions:
        default = f"; {question.default} unless --{question.option} says otherwise"
        print(f"  asks: {question.text}{default if question.default else f' --{question.option}'}")
    for line in preview.lines:
        print(f"  | {line}")


def print_outcome(outcome: FileOutcome, *, quiet: bool = False) -> None:
    """What became of one file, for people; a refusal goes to standard error, and alone when `quiet`."""
    from cointrader.data_feeds.outcome import REFUSED, SKIPPED

    if outcome.state == SKIPPED:
        return
    if outcome.state == REFUSED:
        print(f"cointrader: {outcome.text}", file=sys.stderr)
    if quiet or outcome.state == REFUSED:
        return
    print(outcome.text)
    print(f"  {outcome.kind}, because {outcome.why}")
    for note in outcome.notes:
        print(f"  {note}")
    for row in outcome.refused_rows[:SHOWN_REFUSALS]:
        print(f"  line {row.line}: {row.field}: {row.reason}")
    if outcome.refused > SHOWN_REFUSALS:
        print(f"  and {outcome.refused - SHOWN_REFUSALS:,} more; --json prints the first hundred")


def print_summary(outcomes: Iterable[FileOutcome]) -> None:
    """One table of all files, and how many were left alone."""
    from cointrader.data_feeds.outcome import SKIPPED

    shown = [outcome for outcome in outcomes if outcome.state != SKIPPED]
    skipped = [outcome for outcome in outcomes if outcome.state == SKIPPED]
    if len(shown) > 1:
        print()
        header = ("file", "kind", "symbol", "rows", "gaps", "refused", "quarantined", "state")
        right = (False, False, False, True, True, True, True)
        print_table(header, [_cells(outcome) for outcome in shown], right)
    if skipped:
        print(f"skipped, as no data of a known kind: {len(skipped):,} (--json names them)")


def _cells(outcome: FileOutcome) -> tuple[str, ...]:
    counts: list[Any] = [outcome.rows, outcome.gaps, outcome.refused, outcome.quarantined]
    state = outcome.state
    if outcome.reason:
        state += f": {f'line {outcome.line}: ' if outcome.line else ''}{outcome.field}: {outcome.reason}"
    return (
        Path(outcome.path).name,
        outcome.kind,
        outcome.symbol,
        *("" if count is None else f"{count:,}" for count in counts),
        state,
    )
