"""The words that every reader of files shares: what a file is, what loading it needs, what became of it.

A reader is a `FileKind`: it recognises a file by its first bytes and its name, without reading on, and
loads it later. The front door of imports (`cointrader.data_feeds.front_door`) asks each reader in turn.
"""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from storage.quarantine import QuarantineRow
from storage.workspace import Workspace

HEAD_BYTES = 65_536
"""So much of a file's content, unpacked, a reader is shown to recognise it by."""

GZIP_MAGIC = b"\x1f\x8b"

Progress = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done); what it raises ends the import."""


def untold(done: int, total: int, message: str) -> None:
    """Progress for nobody."""


class FileRefused(ValueError):
    """A file that is refused whole; nothing of it is imported.

    `line` counts from 1 (rows of a binary table: the row), 0 when no line is to blame (a missing file).
    `refused` are the rows that are kept for the report. The text reads `file:line: field: reason`.
    """

    def __init__(
        self, path: Path | str, line: int, field: str, reason: str, *, refused: Sequence[QuarantineRow] = ()
    ) -> None:
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {field}: {reason}")
        self.path = Path(path)
        self.line = line
        self.field = field
        self.reason = reason
        self.refused = tuple(refused)
        self.is_recorded = False
        """Whether whoever raised it has already kept the rows and told of it."""


@dataclass(frozen=True)
class Question:
    """Something that neither a file nor its name says.

    `option` is the one that answers it (symbol, timeframe, zone). Without an answer `default` holds,
    and is said in the report; with an empty default the file is refused, with `example` as its advice.
    """

    option: str
    text: str
    default: str = ""
    example: str = ""


@dataclass(frozen=True)
class Recognition:
    """What a file was recognised as, and why.

    `kind` is the reader's name, or finer ("candles.csv7" of "candles"). `symbol` (BTC/USDT) and
    `timeframe` (5m) are what file or name say, '' where they do not or where there are several.
    """

    kind: str
    why: str
    symbol: str = ""
    timeframe: str = ""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class ImportOptions:
    """What the operator said of the files; None where nothing was said."""

    symbol: str | None = None
    timeframe: str | None = None
    zone: str | None = None

    def answer(self, option: str) -> str | None:
        """The answer to a question."""
        return {"symbol": self.symbol, "timeframe": self.timeframe, "zone": self.zone}.get(option)


NOTHING_SAID = ImportOptions()
"""No option was given."""


@dataclass(frozen=True)
class LoadContext:
    """What a reader may use to load a file.

    `name` is what the operator knows the file by (a member of an archive: `trades.zip/trades.csv`); the
    path is where its bytes lie now, perhaps for a moment only, so that names are kept and not paths.
    """

    workspace: Workspace
    connection: sqlite3.Connection
    recognition: Recognition
    name: str
    options: ImportOptions = NOTHING_SAID
    progress: Progress = untold
    provenance: str = "import"

    def answer(self, option: str) -> str:
        """What the operator said, else the default of the reader's own question, else ''."""
        said = self.options.answer(option)
        if said is not None:
            return said
        return next((each.default for each in self.recognition.questions if each.option == option), "")


@dataclass(frozen=True)
class LoadReport:
    """What became of one file that was not refused.

    `rows` are those of the file, `refused` of these could not be used, and `quarantined` of those were
    kept with their reasons (`refused_rows`: some of them, to be shown). `gaps` are places where
    something is missing (candles: bars), None where it was not looked for. `text` is one
    sentence for the operator, `notes` are further ones: what was assumed, which file wins an overlap.
    `details` are figures of this kind of file (JSON). `source_file_id` is 0 when the reader left it to
    the front door to record the file; `sha256` is '' when it did not need the hash of the file.
    """

    kind: str
    rows: int
    text: str
    symbol: str = ""
    gaps: int | None = None
    refused: int = 0
    quarantined: int = 0
    refused_rows: tuple[QuarantineRow, ...] = ()
    already_there: bool = False
    notes: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    source_file_id: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class FileKind:
    """One reader. `recognise` gets the first bytes of the content and the file's name (no folders).

    `load` stores what is in the file, in as few transactions as its size allows, and raises FileRefused
    when it cannot be trusted. Bytes that were loaded before are not given to it again, unless
    `knows_its_own` says that it looks for itself what is new. `preview` gives the first rows of a file
    whose content is no text, as lines.
    """

    name: str
    recognise: Callable[[bytes, str], Recognition | None]
    load: Callable[[Path, LoadContext], LoadReport]
    knows_its_own: bool = False
    preview: Callable[[Path], Sequence[str]] | None = None


class SourceContent:
    """The content of a file, plain or gzip, as a stream; nothing of it is kept in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_gzip(self) -> bool:
        """Whether the file is compressed, told by its first bytes and not by its name."""
        with open(self.path, "rb") as file:
            return file.read(2) == GZIP_MAGIC

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """The unpacked content; reading a damaged gzip stream raises EOFError, OSError or zlib.error."""
        if self.is_gzip:
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return open(self.path, "rb")

    def head(self, size: int = HEAD_BYTES) -> bytes:
        """The first bytes of the content, of a gzip stream that is cut as many as there are.

        Raises zlib.error for one that is damaged from its start.
        """
        with open(self.path, "rb") as file:
            return _unpacked_head(file, size) if self.is_gzip else file.read(size)

    def sha256(self) -> str:
        """SHA-256 of the file as it stands on disk."""
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked_head(file: BinaryIO, size: int) -> bytes:
    """The first bytes of all members of a gzip stream together."""
    head, packed, member = b"", b"", zlib.decompressobj(wbits=31)
    while len(head) < size and (packed := packed or file.read(HEAD_BYTES)):
        try:
            head += member.decompress(packed, size - len(head))
        except zlib.error:
            if head:
                break
            raise
        packed = member.unused_data or member.unconsumed_tail
        if member.eof:
            member = zlib.decompressobj(wbits=31)
    return head
