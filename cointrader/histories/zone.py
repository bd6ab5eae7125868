"""The zone of the times in a bot's logs."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cointrader.settings import SettingsError


def zone_of(name: str) -> tzinfo | None:
    """The zone of that name, None (that of this machine) for ''. Raises SettingsError."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"[bot] timezone: {name!r} is no time zone; write it as Europe/Zurich") from error
