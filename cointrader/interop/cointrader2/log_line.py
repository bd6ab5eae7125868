"""One line of the bot's logs: when, how grave, what.

Two formats share a file: the root logger's `2025-08-01 12:00:00,123:INFO - text` and the modules'
`2025-08-01 12:00:00,123 - INFO - text`; examples of the bot's README have no milliseconds. The time is the
local time of the bot's machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:[,.](\d{3}))?(?::| - )(?:[\w.]+ - )?"
    r"(DEBUG|INFO|WARNING|ERROR|CRITICAL) - (.*)",
    re.DOTALL,
)
_SEVERITIES = {"WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """`second` is the local time as it stands in the log; `ts_ms` is UTC."""

    second: str
    ts_ms: int
    severity: str
    message: str


class LogClock:
    """Local times of a log into UTC milliseconds; of an hour that passes twice the first is taken.

    `zone` None is the zone of this machine.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._second, self._ms = "", 0

    def utc_ms(self, second: str) -> int:
        """UTC milliseconds of `YYYY-MM-DD HH:MM:SS`. Raises ValueError."""
        if second != self._second:
            local = datetime.fromisoformat(second)
            aware = local.astimezone() if self._zone is None else local.replace(tzinfo=self._zone)
            self._ms = round(aware.astimezone(UTC).timestamp()) * 1000
            self._second = second
        return self._ms


def read_line(text: str, clock: LogClock) -> LogLine | None:
    """The parts of a line; None for a line without a time (the rest of a traceback)."""
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    second, milliseconds, level, message = found.groups()
    try:
        moment = clock.utc_ms(second)
    except ValueError:
        return None
    return LogLine(second, moment + int(milliseconds or 0), _SEVERITIES.get(level, "info"), message.strip())
