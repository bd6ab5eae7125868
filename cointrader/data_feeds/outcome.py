"""What became of a file, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.quarantine import QuarantineRow

IMPORTED = "imported"
ALREADY_THERE = "already there"
REFUSED = "refused"
SKIPPED = "skipped"


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file.

    `state` is imported, already there, refused or skipped. `gaps` is None where it was not looked for.
    Of a refused file `line`, `field` and `reason` say why, and `refused` is at least 1. `refused_rows`
    are the first of those that the quarantine has.
    """

    path: str
    state: str
    kind: str = ""
    symbol: str = ""
    rows: int = 0
    gaps: int | None = None
    refused: int = 0
    quarantined: int = 0
    why: str = ""
    text: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    line: int = 0
    field: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    refused_rows: tuple[QuarantineRow, ...] = ()
