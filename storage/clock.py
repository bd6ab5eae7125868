"""The clocks of stored records: wall time for people, boot time for leases.

A lease counted in wall time would end early or never when the clock is set; CLOCK_BOOTTIME runs on
through suspend and is only comparable within one boot, which is why a lease carries the boot's id.
"""

from __future__ import annotations

import time
from pathlib import Path

from storage.errors import StorageError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_KERNEL_STATISTICS = Path("/proc/stat")


def now_ms() -> int:
    """Wall time, UTC, in milliseconds since 1970-01-01."""
    return time.time_ns() // 1_000_000


def boottime_ns() -> int:
    """Nanoseconds since this machine was started, suspend included; the same for every process."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """The id of this boot of the machine: equal in every process until the next start.

    Sandboxed kernels without the random id give the time of their start instead. Raises StorageError
    where neither can be read.
    """
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        pass
    try:
        for line in _KERNEL_STATISTICS.read_text(encoding="ascii").splitlines():
            if line.startswith("btime "):
                return line.replace(" ", "-")
    except OSError as error:
        raise StorageError(f"this machine does not tell when it was started: {error}") from error
    raise StorageError("this machine does not tell when it was started: no btime in /proc/stat")
