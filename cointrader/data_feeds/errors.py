"""How a file of candles is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storage.candles import QuarantineRow


class CandleFileError(ValueError):
    """A file that is refused whole; nothing of it is imported.

    `line` counts from 1 (rows of a binary table: the row), 0 when no line is to blame (a missing file).
    `refused` are the rows that are kept for the report. The text reads `file:line: field: reason`.
    """

    def __init__(
        self, path: Path, line: int, field: str, reason: str, *, refused: Sequence[QuarantineRow] = ()
    ) -> None:
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {field}: {reason}")
        self.path = path
        self.line = line
        self.field = field
        self.reason = reason
        self.refused = tuple(refused)
