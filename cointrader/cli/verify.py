"""`cointrader verify`: is every kept file still, to the byte, what was written."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from cointrader.cli.output import print_json
from cointrader.cli.place import opened

if TYPE_CHECKING:
    from storage.journal.audit import Damage


class Count:
    """How much was read, for the last line, and shown on a terminal while it goes on."""

    def __init__(self, shown: bool) -> None:
        self.files = self.bytes = 0
        self._shown = shown

    def __call__(self, done: int, total: int, read: int) -> None:
        self.files, self.bytes = done, read
        if self._shown:
            print(f"\r{done:,} of {total:,} files, {read / 1e6:,.1f} MB", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            print(file=sys.stderr)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Read everything and print what is damaged; 1 when something is."""
    from storage.journal.audit import audit

    with opened(arguments.workspace) as place:
        count = Count(shown=sys.stderr.isatty() and not arguments.json)
        damages = audit(place.connection, place.workspace, count)
        count.end()
    if arguments.json:
        damaged = [asdict(damage) for damage in damages]
        print_json({"well": not damages, "files": count.files, "bytes": count.bytes, "damaged": damaged})
    else:
        for damage in damages:
            print(line(damage))
        found = f"{len(damages):,} damaged" if damages else "every byte is what was written"
        print(f"{count.files:,} files, {count.bytes / 1e6:,.1f} MB: {found}")
    return 1 if damages else 0


def line(damage: Damage) -> str:
    """One damage: what it belongs to, the step where there is one, the file, what is wrong."""
    step = "" if damage.step is None else f", step {damage.step:,}"
    return f"{damage.subject}{step}: {damage.kind} {damage.file} {damage.what}"
