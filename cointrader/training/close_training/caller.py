"""The job that lets closes be learned from: its attempts tell a successor from the orphan of a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from cointrader.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """A job with the attempt that does it. `say` takes lines for the log."""

    job_id: int
    attempt: int
    settings: Settings = field(default_factory=Settings)
    interrupted: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = log.info
