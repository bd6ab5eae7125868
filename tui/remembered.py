"""What the console remembers between two starts: the screen, the theme, and how each table was arranged.

Filters and pauses are not remembered: an operator who comes back must not look at a part and take it for
the whole. The file is written to a temporary name and renamed; one that cannot be read is left alone and
counts as empty, because nothing in it is worth a failed start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class TableArrangement:
    """The sort of a table, and the columns that were hidden."""

    sort: str = ""
    descending: bool = True
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remembered:
    """Everything that `console.json` holds."""

    screen: str = ""
    theme: str = ""
    tables: Mapping[str, TableArrangement] = field(default_factory=dict)

    def with_table(self, name: str, arrangement: TableArrangement) -> Remembered:
        """The same, with one table arranged anew."""
        return replace(self, tables={**self.tables, name: arrangement})


def load_remembered(path: Path) -> Remembered:
    """What was remembered; nothing when the file is missing or cannot be understood."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        tables = {
            str(name): TableArrangement(
                str(item["sort"]), bool(item["descending"]), tuple(str(hidden) for hidden in item["hidden"])
            )
            for name, item in document["tables"].items()
        }
        return Remembered(str(document["screen"]), str(document["theme"]), tables)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Remembered()


def save_remembered(path: Path, remembered: Remembered) -> None:
    """Writes the file whole or not at all. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(asdict(remembered), indent=1, sort_keys=True), encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
