"""The bytes of a candle file: plain or gzip, read once, refused where they cannot be a candle file."""

from __future__ import annotations

import hashlib
import os
import zlib
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from cointrader.data_feeds.errors import CandleFileError

HEAD_BYTES = 65_536
MAX_CONTENT_BYTES = 4 << 30
"""A gzip file that unpacks to more is refused: it would not fit into memory."""

_GZIP_MAGIC = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"SQLite format 3\x00": "is a SQLite database, not a file of candles",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first",
    b"BZh": "is compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "is compressed with xz; unpack it first",
}
_FEATHER_MAGICS = (b"ARROW1", b"FEA1")
_PARQUET_MAGIC = b"PAR1"


class TextSource(Protocol):
    """Lines of candles, for the readers of text."""

    @property
    def path(self) -> Path:
        """The file that they come from."""

    @property
    def head(self) -> bytes:
        """The first of them, from which their layout is told."""

    @property
    def content(self) -> bytes:
        """All of them."""

    @property
    def form(self) -> str:
        """What the file is when it is not these lines themselves (json), else ''."""

    @property
    def symbol(self) -> str:
        """The pair that the file names outside of the lines, '' where it does not."""

    def stream(self) -> pa.NativeFile:
        """All of them for pyarrow."""

    def ends_with_newline(self) -> bool:
        """Whether the last line is complete, as far as one can tell."""

    def notes(self) -> tuple[str, ...]:
        """What the operator should know of lines that could be read."""


class CandleSource:
    """One file on disk. Its content is read when it is first asked for, and then kept.

    A plain CSV can be parsed from `stream` without keeping its bytes; an import asks for `sha256`
    first, so that what is parsed is what was hashed.
    """

    form = ""
    symbol = ""

    def __init__(self, path: Path) -> None:
        """Raises CandleFileError for a file that is missing, unreadable, empty or of a foreign kind."""
        self.path = path
        try:
            with open(path, "rb") as file:
                self._first = file.read(HEAD_BYTES)
                self._size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise CandleFileError(path, 0, "file", f"cannot be read: {error.strerror}") from error
        if not self._first:
            raise CandleFileError(path, 1, "file", "is empty")
        for magic, reason in _FOREIGN.items():
            if self._first.startswith(magic):
                raise CandleFileError(path, 1, "file", reason)

    @property
    def is_gzip(self) -> bool:
        """Whether the file is compressed, told by its first bytes and not by its name."""
        return self._first.startswith(_GZIP_MAGIC)

    @property
    def is_feather(self) -> bool:
        """Whether the content is an Arrow table."""
        return self.head.startswith(_FEATHER_MAGICS)

    @property
    def is_parquet(self) -> bool:
        """Whether the content is a Parquet table."""
        return self.head.startswith(_PARQUET_MAGIC)

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB of the content."""
        return self.content[:HEAD_BYTES] if self.is_gzip else self._first

    @cached_property
    def file_bytes(self) -> bytes:
        """The file as it stands on disk. Raises CandleFileError when it can no longer be read."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise CandleFileError(self.path, 0, "file", f"cannot be read: {error.strerror}") from error

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file as it stands on disk."""
        return hashlib.sha256(self.file_bytes).hexdigest()

    @cached_property
    def content(self) -> bytes:
        """The content, unpacked. Raises CandleFileError for a gzip stream that is cut or damaged."""
        return self._unpack(self.file_bytes) if self.is_gzip else self.file_bytes

    def stream(self) -> pa.NativeFile:
        """The content for pyarrow; the file itself where its bytes were not needed until now."""
        if self.is_gzip or "file_bytes" in self.__dict__:
            return pa.BufferReader(self.content)
        return pa.OSFile(str(self.path), "rb")

    def ends_with_newline(self) -> bool:
        """Whether the last line is complete, as far as one can tell."""
        if self.is_gzip or "file_bytes" in self.__dict__:
            return self.content.endswith((b"\n", b"\r"))
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) in (b"\n", b"\r")

    def notes(self) -> tuple[str, ...]:
        """What the operator should know of a text that could be read."""
        if self.ends_with_newline():
            return ()
        return ("the last line has no line end; if the file was cut there, its last value is wrong",)

    def _unpack(self, packed: bytes) -> bytes:
        """All members of a gzip file, their check sums verified."""
        parts: list[bytes] = []
        rest = packed
        total = 0
        while rest.startswith(_GZIP_MAGIC):
            member = zlib.decompressobj(wbits=31)
            try:
                parts.append(member.decompress(rest, MAX_CONTENT_BYTES - total))
            except zlib.error as error:
                raise self._broken(parts, f"the gzip stream is damaged ({error})") from error
            total += len(parts[-1])
            if member.unconsumed_tail:
                raise CandleFileError(
                    self.path, 0, "compression", f"unpacks to more than {MAX_CONTENT_BYTES >> 30} GiB"
                )
            if not member.eof:
                raise self._broken(parts, "the gzip stream ends before its end mark; the file was cut")
            rest = member.unused_data
        content = b"".join(parts)
        if not content:
            raise CandleFileError(self.path, 1, "file", "is empty inside its gzip wrapping")
        return content

    def _broken(self, parts: list[bytes], reason: str) -> CandleFileError:
        line = 1 + sum(part.count(b"\n") for part in parts)
        return CandleFileError(self.path, line, "compression", reason)
