"""From what a feed sent to what is stored: cleaned, checked, timed, and named in one way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cointrader.data_feeds.instrument import InstrumentError, parse_instrument
from cointrader.data_feeds.records.cleaning import DataCleaner
from cointrader.data_feeds.records.schemas import infer_type
from cointrader.data_feeds.records.timestamps import to_ms
from cointrader.data_feeds.records.validation import RecordRefused, find_problems
from storage.feed_records import KEY_PREFIX, FeedRecord

_CLEANER = DataCleaner()


def make_record(
    data: Mapping[str, Any], *, provenance: str, source: str = "", received_ms: int = 0
) -> FeedRecord:
    """The record of what a feed sent. Raises RecordRefused with the first field at fault.

    `source` names the feed where the data themselves do not (their `exchange` or `source`).
    """
    type = infer_type(data)
    cleaned = _CLEANER.clean(data)
    problems = find_problems(cleaned, type)
    if problems:
        raise RecordRefused(type, problems[0].field, problems[0].reason)
    return checked_record(cleaned, type, provenance=provenance, source=source, received_ms=received_ms)


def checked_record(
    data: Mapping[str, Any], type: str, *, provenance: str, source: str = "", received_ms: int = 0
) -> FeedRecord:
    """The record of data that are clean and checked already."""
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
