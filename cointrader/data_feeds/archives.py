"""The files behind what the operator names: a file, a folder with all below it, an archive with its members.

In a folder only files that look like data are taken up; the others are skipped and said to be. Names
that begin with a dot are never opened, and neither is the workspace itself: closing a second descriptor
of a database drops the locks of this process.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cointrader.interop.file_kind import FileRefused, SourceContent
from storage.workspace import Workspace

CLAIMED = frozenset({"csv", "feather", "parquet", "sqlite", "sqlite3", "gz", "zip", "tar", "tgz"})
"""A file with such an ending says that it is data: when no reader knows it, it is refused."""

POSSIBLE = frozenset({"json", "jsonl", "ndjson", "txt", "log", "db", ""})
"""A file with such an ending may be data; when no reader knows it, it is skipped."""

_ROTATED = re.compile(r"(\.log)\.\d+$", re.IGNORECASE)
_COPY_BYTES = 1 << 20
_ZIP_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class FoundFile:
    """A file to look at. `path` is where its bytes lie, `name` how the operator knows it.

    `is_named` says that the operator named it, so that he is told whatever becomes of it; `note` says
    why it was not looked at, '' for one that is to be.
    """

    path: Path
    name: str
    is_named: bool
    note: str = ""

    @property
    def ending(self) -> str:
        """The last part of the name in lower case, that of a rotated log without its number."""
        return _ROTATED.sub(r"\1", self.path.name).rpartition(".")[2].lower() if "." in self.path.name else ""


def find_files(path: Path, workspace: Workspace) -> Iterator[FoundFile]:
    """The file, or all files below the folder in the order of their names; links are not followed.

    Raises FileRefused for a path that does not exist, is no file, or is the workspace's own database.
    """
    if not path.exists():
        raise FileRefused(path, 0, "file", "cannot be read: there is no such file or folder")
    if not path.is_dir():
        if not path.is_file():
            raise FileRefused(path, 0, "file", "is no regular file")
        if _is_the_database(path, workspace):
            raise FileRefused(path, 0, "file", "is the database of this workspace")
        yield FoundFile(path, str(path), is_named=True)
        return
    closed = workspace.root.resolve()
    for folder, folders, names in os.walk(path):
        inside = Path(folder)
        if inside.resolve() == closed:
            folders[:] = ["inbox"] if "inbox" in folders else []
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            yield _in_folder(inside / name, workspace)


def _is_the_database(path: Path, workspace: Workspace) -> bool:
    """Whether a file, under whatever name, is the database that this process has open."""
    own = [Path(f"{workspace.database}{ending}") for ending in ("", "-wal", "-shm")]
    return any(neighbour.exists() and path.samefile(neighbour) for neighbour in own)


def _in_folder(path: Path, workspace: Workspace) -> FoundFile:
    found = FoundFile(path, str(path), is_named=False)
    note = ""
    if path.name.startswith("."):
        note = "its name begins with a dot"
    elif _is_the_database(path, workspace):
        note = "is the database of this workspace"
    elif not stat.S_ISREG(path.lstat().st_mode):
        note = "is a link or no regular file"
    elif found.ending not in CLAIMED | POSSIBLE:
        note = "its ending is none of a data file"
    return FoundFile(path, str(path), is_named=False, note=note)


def is_archive(path: Path) -> bool:
    """Whether the file holds other files: zip or tar, the latter perhaps compressed."""
    with open(path, "rb") as file:
        if file.read(4) == _ZIP_MAGIC:
            return True
    try:
        return SourceContent(path).head(512)[257:262] == b"ustar"
    except (OSError, EOFError, zlib.error):
        return False


def unpacked(archive: FoundFile, scratch: Path) -> Iterator[FoundFile]:
    """Each member in turn, its bytes in `scratch` until the next one is asked for.

    Only regular files come out, under names of ours, and none larger than half of the free disk.
    Raises FileRefused for an archive that is damaged or encrypted.
    """
    try:
        if zipfile.is_zipfile(archive.path):
            yield from _from_zip(archive, scratch)
        else:
            yield from _from_tar(archive, scratch)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError) as error:
        raise FileRefused(archive.name, 0, "archive", f"is damaged or of an unknown make: {error}") from error
    except OSError as error:
        raise FileRefused(archive.name, 0, "archive", f"could not be unpacked: {error}") from error


def _from_zip(archive: FoundFile, scratch: Path) -> Iterator[FoundFile]:
    with zipfile.ZipFile(archive.path) as opened:
        for member in sorted(opened.infolist(), key=lambda each: each.filename):
            if member.is_dir():
                continue
            if member.flag_bits & _ENCRYPTED:
                raise FileRefused(
                    archive.name, 0, "archive", f"{member.filename} is encrypted; unpack it first"
                )
            with opened.open(member) as stream:
                yield from _member(archive, member.filename, stream, scratch)


def _from_tar(archive: FoundFile, scratch: Path) -> Iterator[FoundFile]:
    with tarfile.open(archive.path, "r|*") as opened:
        for member in opened:
            stream = opened.extractfile(member) if member.isreg() else None
            if stream is not None:
                with stream:
                    yield from _member(archive, member.name, stream, scratch)


def _member(archive: FoundFile, name: str, stream: IO[bytes], scratch: Path) -> Iterator[FoundFile]:
    """One member as a file; its folder's name is kept too, which may be that of an exchange."""
    parts = [re.sub(r"[^\w.+-]", "_", part) for part in name.split("/") if part not in ("", ".", "..")]
    shown = FoundFile(Path(*parts[-2:] or ["unnamed"]), f"{archive.name}/{name}", is_named=False)
    if shown.path.name.startswith(".") or shown.ending not in CLAIMED | POSSIBLE:
        yield FoundFile(shown.path, shown.name, is_named=False, note="its ending is none of a data file")
        return
    folder = scratch / "member"
    path = folder / shown.path
    path.parent.mkdir(parents=True)
    try:
        _copy(archive, name, stream, path)
        yield FoundFile(path, shown.name, is_named=False)
    finally:
        shutil.rmtree(folder)


def _copy(archive: FoundFile, name: str, stream: IO[bytes], path: Path) -> None:
    room = shutil.disk_usage(path.parent).free // 2
    with open(path, "xb") as target:
        while block := stream.read(_COPY_BYTES):
            room -= len(block)
            if room < 0:
                raise FileRefused(
                    archive.name, 0, "archive", f"{name} unpacks to more than half of the free disk"
                )
            target.write(block)
