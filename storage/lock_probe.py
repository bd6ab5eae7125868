"""A program, never imported: asks the kernel who holds SQLite's locks on one database.

    python -I -S lock_probe.py DATABASE   ->   the pid of the holder, or nothing

It runs in a process of its own, and must: POSIX drops every lock that a process has on a file when
that process closes any descriptor of the file, so a process that has the database open through SQLite
would lose its locks by looking. Standard library only, because it starts without site-packages.

The bytes are fixed by SQLite's file format: in WAL mode the write lock is byte 120 of the -shm and
the recovery lock byte 122 (https://www.sqlite.org/walformat.html, section 2.3.1); in rollback mode the
PENDING and RESERVED bytes lie at 0x40000000 of the database (https://www.sqlite.org/fileformat2.html).
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys

# struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
FLOCK = struct.Struct("@hhqqi4x")

LOCK_BYTES = (("-shm", 120, 1), ("-shm", 122, 1), ("", 0x40000000, 2))


def holder(path: str, start: int, length: int) -> int:
    """The pid that holds a lock on these bytes of the file; 0 when none, or none that we may see."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        question = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, pid = FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
    finally:
        os.close(descriptor)
    return pid if kind != fcntl.F_UNLCK and pid > 0 else 0


def main(database: str) -> int:
    """Prints the pid of the first holder found."""
    for suffix, start, length in LOCK_BYTES:
        pid = holder(database + suffix, start, length)
        if pid:
            print(pid)
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
