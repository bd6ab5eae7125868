"""The lines of a text file of any size, plain or gzip, one at a time, with how far one is."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from cointrader.interop.file_kind import GZIP_MAGIC, FileRefused

LONGEST_LINE = 16 << 20
"""A line that is longer belongs to no file of lines; it is refused before it fills the memory."""


class LineReader:
    """Numbered lines of a file. Memory does not grow with the file.

    Iterating raises FileRefused where a compressed stream breaks off, and for a line that never ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._file: BinaryIO | None = None

    @property
    def position(self) -> int:
        """Bytes of the file, as it lies on disk, that were taken in."""
        return self._file.tell() if self._file is not None and not self._file.closed else self.size

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        with open(self.path, "rb") as self._file:
            try:
                stream = self._content(self._file)
                while line := stream.readline(LONGEST_LINE):
                    number += 1
                    if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                        raise FileRefused(self.path, number, "file", "has a line of more than 16 MiB")
                    yield number, line
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                reason = f"the compressed stream is cut off or damaged: {error}"
                raise FileRefused(self.path, number + 1, "compression", reason) from error

    @staticmethod
    def _content(file: BinaryIO) -> BinaryIO:
        magic = file.read(2)
        file.seek(0)
        return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if magic == GZIP_MAGIC else file
