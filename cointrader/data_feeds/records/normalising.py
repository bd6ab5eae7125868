"""From what a feed sent to what is stored: cleaned, checked, timed, and named in one way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cointrader.data_feeds.instrument import InstrumentError, parse_instrument
from cointrader.data_feeds.records.cleaning import DataCleaner
from cointrader.data_feeds.records.schemas import GENERIC, SCHEMAS, infer_type
from cointrader.data_feeds.records.timestamps import to_ms
from cointrader.data_feeds.records.validation import RecordRefused, find_problems
from storage.feed_records import KEY_PREFIX, FeedRecord

_CLEANER = DataCleaner()
_TYPE = re.compile(r"[A-Za-z0-9_]{1,40}")


def make_record(
    data: Mapping[str, Any], *, provenance: str, source: str = "", received_ms: int = 0
) -> FeedRecord:
    """The record of what a feed sent. Raises RecordRefused with the first field at fault.

    `source` names the feed where the data themselves do not (their `exchange` or `source`).
    """
    type = infer_type(data)
    cleaned = {**_CLEANER.clean(data), "type": type}
    return normalise(cleaned, provenance=provenance, source=source, received_ms=received_ms)


def normalise(
    cleaned: Mapping[str, Any], *, provenance: str, source: str = "", received_ms: int = 0
) -> FeedRecord:
    """The record of data that are clean and say their type. Raises RecordRefused."""
    type = str(cleaned["type"])
    if not _TYPE.fullmatch(type):
        raise RecordRefused(type, "type", "is no name of a type: letters, digits and _ only")
    # A type of somebody else's is kept too; of it only the time is known.
    problems = find_problems(cleaned, type if type in SCHEMAS else GENERIC)
    if problems:
        raise RecordRefused(type, problems[0].field, problems[0].reason)
    _check_json(type, cleaned)
    return checked_record(cleaned, provenance=provenance, source=source, received_ms=received_ms)


def _check_json(type: str, data: Mapping[str, Any]) -> None:
    """Fields that no schema checks must be values of JSON all the same."""
    known = {field.name for field in SCHEMAS.get(type, ())}
    for name, value in data.items():
        if name in known or isinstance(value, str):
            continue
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise RecordRefused(type, name, f"cannot be kept: {error}") from error


def checked_record(
    data: Mapping[str, Any], *, provenance: str, source: str = "", received_ms: int = 0
) -> FeedRecord:
    """The record of data that are clean and checked already, and say their type."""
    type = str(data["type"])
    ts_ms = to_ms(data["timestamp"])
    time = ts_ms / 1000
    named = data.get("symbol") or data.get("keyword") or ""
    return FeedRecord(
        ts_ms=ts_ms,
        type=type,
        symbol=inside_symbol(named),
        source=str(data.get("exchange") or data.get("source") or source),
        key=f"{KEY_PREFIX}{time}:{named or 'unknown'}:{type}",
        data={**data, "timestamp": time},
        provenance=provenance,
        received_ms=received_ms,
    )


@lru_cache(maxsize=4_096)
def inside_symbol(text: str) -> str:
    """BTC/USDT for any spelling of a pair; other names (a share, a keyword) in capitals as they are."""
    try:
        return parse_instrument(text).symbol
    except InstrumentError:
        return text.strip().upper()
