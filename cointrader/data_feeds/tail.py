"""A file that grows, read on from where the last reading ended, through rotation and truncation.

How far a file was read stands in its `source_file` row, which is written in the transaction that stores
what was read: after a crash the reading goes on exactly there. A file is known by device and inode and by
its bytes, those at its beginning and those before the offset, so that an inode that is used again and a
file that was written anew are new files. Only whole lines are taken, except the last one of a file that
was rotated away.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from storage.clock import now_ms
from storage.source_files import DONE, TAILING, SourceFileRow, save_source_file, source_files_at

CHUNK_BYTES = 1 << 20
LONGEST_LINE = 16 << 20
ROTATED = (".3", ".2", ".1")
"""What the names of older parts end with, the oldest first."""

_MARK_BYTES = 256


@dataclass(frozen=True)
class TailedFile:
    """An open file of a series. `name` is that of the newest part, under which all parts are known."""

    name: str
    kind: str
    file: BinaryIO
    is_rotated: bool

    @property
    def status(self) -> os.stat_result:
        """Of the open file, whatever its name has become."""
        return os.fstat(self.file.fileno())


@dataclass(frozen=True)
class Chunk:
    """Lines that were not read before: (number, text). `before` is the state of the file, `after` the next.

    `first_line` is that of the file, wherever the chunk begins. `before.id` is 0 for a new file.
    """

    lines: list[tuple[int, str]]
    first_line: str
    before: SourceFileRow
    after: SourceFileRow


@contextmanager
def open_series(path: Path, name: str, kind: str) -> Iterator[list[TailedFile]]:
    """The parts of a file that exist, the oldest first; all are opened before any is read.

    A part that is renamed meanwhile is still the same open file, and no part comes twice.
    """
    found: list[TailedFile] = []
    seen: set[tuple[int, int]] = set()
    with ExitStack() as files:
        for ending in (*ROTATED, ""):
            try:
                file = files.enter_context(open(f"{path}{ending}", "rb"))
            except (FileNotFoundError, IsADirectoryError):
                continue
            part = TailedFile(name, kind, file, is_rotated=bool(ending))
            identity = part.status.st_dev, part.status.st_ino
            if identity not in seen:
                seen.add(identity)
                found.append(part)
        yield found


def next_chunk(connection: sqlite3.Connection, part: TailedFile) -> Chunk | None:
    """What has been added to a file; None when there is nothing whole.

    Called inside a transaction the state cannot change between this and `consumed`.
    """
    status = part.status
    before = _known(source_files_at(connection, part.name), part, status)
    if before is None:
        now = now_ms()
        before = SourceFileRow(
            0, part.name, part.kind, TAILING, now, now, device=status.st_dev, inode=status.st_ino
        )
    if status.st_size <= before.offset:
        return None
    content = _whole_lines(part, before.offset)
    if not content:
        return None
    texts = content.decode("utf-8", "replace").split("\n")
    if content.endswith(b"\n"):
        texts.pop()
    first = before.line + 1
    lines = [(number, text.removesuffix("\r")) for number, text in enumerate(texts, start=first)]
    offset = before.offset + len(content)
    after = replace(
        before,
        state=DONE if part.is_rotated else TAILING,
        offset=offset,
        line=before.line + len(lines),
        size=max(status.st_size, offset),
        sha256=_mark(part.file, offset),
    )
    return Chunk(lines, _first_line(part.file), before, after)


def consumed(connection: sqlite3.Connection, chunk: Chunk, *, rows: int, refused: int) -> None:
    """Notes how far the file is read now. `chunk.after` must have its id (see `opened`)."""
    after = replace(
        chunk.after,
        updated_ms=now_ms(),
        rows=chunk.after.rows + rows,
        refused=chunk.after.refused + refused,
        quarantined=chunk.after.quarantined + refused,
    )
    save_source_file(connection, after)


def opened(connection: sqlite3.Connection, chunk: Chunk) -> Chunk:
    """The chunk with the id of its file, which a new file gets here; older parts count as ended."""
    if chunk.before.id != 0:
        return chunk
    source_id = save_source_file(connection, chunk.before)
    connection.execute(
        "UPDATE source_file SET state = ? WHERE path = ? AND state = ? AND id <> ?",
        (DONE, chunk.before.path, TAILING, source_id),
    )
    return replace(chunk, after=replace(chunk.after, id=source_id))


def _known(rows: Sequence[SourceFileRow], part: TailedFile, status: os.stat_result) -> SourceFileRow | None:
    """The state of the very file: the same inode, and the bytes that were read are still there."""
    for row in rows:
        is_inode = (row.device, row.inode) == (status.st_dev, status.st_ino)
        if is_inode and row.offset <= status.st_size and row.sha256 == _mark(part.file, row.offset):
            return row
    return None


def _mark(file: BinaryIO, offset: int) -> str:
    """The SHA-256 of the first bytes and of the last ones before the offset."""
    file.seek(0)
    digest = hashlib.sha256(file.read(min(_MARK_BYTES, offset)))
    file.seek(max(0, offset - _MARK_BYTES))
    digest.update(file.read(min(_MARK_BYTES, offset)))
    return digest.hexdigest()


def _whole_lines(part: TailedFile, offset: int) -> bytes:
    """The bytes from the offset to the end of a line, about a chunk of them."""
    size = CHUNK_BYTES
    while True:
        part.file.seek(offset)
        content = part.file.read(size)
        end = content.rfind(b"\n") + 1
        if end:
            return content[:end]
        is_end = len(content) < size
        if is_end and not part.is_rotated:
            return b""
        if is_end or size >= LONGEST_LINE:
            return content
        size *= 2


def _first_line(file: BinaryIO) -> str:
    file.seek(0)
    return file.readline(65_536).decode("utf-8", "replace").strip()
