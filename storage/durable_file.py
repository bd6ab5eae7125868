"""A file appears under its name only when it is whole and on the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Callable, Iterable
from io import RawIOBase
from pathlib import Path

from storage.errors import DiskFull, StorageError


def write_file_atomically(path: Path, content: bytes) -> str:
    """Writes a file under a temporary name, fsyncs it, reads it back, renames it; returns its SHA-256.

    A crash leaves either the old file or the new one, and perhaps a file whose name ends in .partial.
    Raises DiskFull, or StorageError naming the file.
    """
    return write_pieces_atomically(path.parent, lambda digest: path.name, (content,))[1]


def write_pieces_atomically(
    folder: Path, name: Callable[[str], str], pieces: Iterable[bytes | memoryview]
) -> tuple[Path, str]:
    """`write_file_atomically` for a content that lies in pieces; returns (path, SHA-256).

    The file is called `name(SHA-256)`, so that a name can carry what the file holds. Nothing is copied: big
    arrays are written and hashed where they are. Raises DiskFull, or StorageError naming the file.
    """
    partial = folder / f".{uuid.uuid4().hex}.partial"
    hashing = hashlib.sha256()
    try:
        with open(partial, "xb", buffering=0) as file:
            for piece in pieces:
                hashing.update(piece)
                _write_all(file, piece)
            os.fsync(file.fileno())
        digest = hashing.hexdigest()
        path = folder / name(digest)
        with open(partial, "rb", buffering=0) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise StorageError(
                    f"{path}: what was written did not come back the same; the disk is failing"
                )
        os.replace(partial, path)
        sync_folder(folder)
    except OSError as error:
        raise disk_error(error, folder / name(hashing.hexdigest())) from error
    finally:
        partial.unlink(missing_ok=True)
    return path, digest


def _write_all(file: RawIOBase, piece: bytes | memoryview) -> None:
    """An unbuffered write may take a part only (no more than 2 GB at a time on Linux)."""
    left = memoryview(piece)
    while left:
        left = left[file.write(left) or 0 :]


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable: fsync of a file does not save its directory entry."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_error(error: OSError, path: Path) -> StorageError:
    """The error of ours for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{path}: no room is left on the disk. Nothing was kept of it; free some space.")
    return StorageError(f"{path}: cannot be written: {error.strerror}")
