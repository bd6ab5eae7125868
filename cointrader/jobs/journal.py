"""Lines of the logs of workers and jobs: UTC time, then what happened."""

from __future__ import annotations

from datetime import UTC, datetime


def say(text: str) -> None:
    """One line on standard output, which is the log of a worker or of a job."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  {text}", flush=True)
