"""A file appears under its name only when it is whole and on the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from pathlib import Path

from storage.errors import DiskFull, StorageError


def write_file_atomically(path: Path, content: bytes) -> str:
    """Writes a file under a temporary name, fsyncs it, reads it back, renames it; returns its SHA-256.

    A crash leaves either the old file or the new one, and perhaps a file whose name ends in .partial.
    Raises DiskFull, or StorageError naming the file.
    """
    digest = hashlib.sha256(content).hexdigest()
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if hashlib.sha256(partial.read_bytes()).hexdigest() != digest:
            raise StorageError(f"{path}: what was written did not come back the same; the disk is failing")
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        partial.unlink(missing_ok=True)
    return digest


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
