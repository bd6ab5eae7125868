"""Records in a Redis, as agents that know nothing of this program write and read them.

A record is a hash `data_feed:{timestamp}:{symbol}:{type}` of texts, with a life time. What other agents wrote
is read by their schema; ours carries its whole JSON besides, so that lists and whole numbers come back as
they were. Two records of one moment, symbol and type are two hashes: the second has a number at its end.
Messages are JSON; nothing that was received is ever evaluated.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from cointrader.data_feeds.records.normalising import inside_symbol, make_record
from cointrader.data_feeds.records.schemas import SCHEMAS, Kind
from cointrader.data_feeds.records.validation import RecordRefused
from storage.feed_records import KEY_PREFIX, FeedRecord

if TYPE_CHECKING:
    import redis

log = logging.getLogger(__name__)

LIFE_SECONDS = 86_400
QUARANTINE = "cointrader:quarantine"
MOST_QUARANTINED = 10_000
_SEQUENCE = "cointrader:feed_sequence"
_WHOLE, _NUMBER, _PROVENANCE = "_json", "_number", "_provenance"


class RedisMissing(ImportError):
    """The client library of Redis is not installed."""


def connect(host: str, port: int, db: int) -> redis.Redis:
    """A client; texts, not bytes. Raises RedisMissing when the extra is not installed."""
    try:
        import redis
    except ImportError as error:
        raise RedisMissing("install the extra for it: pip install 'cointrader-console[redis]'") from error
    return redis.Redis(host=host, port=port, db=db, decode_responses=True)


class RedisStore:
    """A `FeedStore` over a Redis."""

    def __init__(self, host: str, port: int, db: int, *, life_seconds: int = LIFE_SECONDS) -> None:
        self._client = connect(host, port, db)
        self._life_seconds = life_seconds

    def append(self, records: Sequence[FeedRecord]) -> list[str]:
        return [self._append(record) for record in records]

    def _append(self, record: FeedRecord) -> str:
        number = int(self._client.incr(_SEQUENCE))
        key = record.key
        # Whoever sets the number first owns the key; a second record of the moment takes another.
        if not self._client.hsetnx(key, _NUMBER, str(number)):
            key = f"{record.key}:{number}"
        fields: dict[Any, Any] = {name: _text(value) for name, value in record.data.items()}
        whole = json.dumps(dict(record.data), ensure_ascii=False, allow_nan=False)
        fields |= {_NUMBER: str(number), _WHOLE: whole, _PROVENANCE: record.provenance}
        with self._client.pipeline() as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, self._life_seconds)
            pipe.execute()
        return key

    def refuse(self, error: RecordRefused, data: Mapping[str, Any], source: str) -> None:
        row = {"type": error.type, "field": error.field, "reason": error.reason, "source": source}
        text = json.dumps({**row, "data": dict(data)}, default=str)
        self._client.lpush(QUARANTINE, text)
        self._client.ltrim(QUARANTINE, 0, MOST_QUARANTINED - 1)

    def pages(self, pattern: str, size: int) -> Iterator[list[FeedRecord]]:
        found = sorted(self._matching(pattern), key=lambda each: each[:2])
        for start in range(0, len(found), size):
            page = self._read([key for _, _, key in found[start : start + size]])
            if page:
                yield page

    def newest(self, pattern: str, limit: int) -> list[FeedRecord]:
        found = sorted(self._matching(pattern), key=lambda each: each[:2])
        return self._read([key for _, _, key in found[-limit:]])

    def count(self, pattern: str) -> int:
        return sum(1 for _ in self._matching(pattern))

    def has(self, record: FeedRecord) -> bool:
        return bool(self._client.exists(record.key))

    def close(self) -> None:
        self._client.close()

    def _matching(self, pattern: str) -> Iterator[tuple[float, int, str]]:
        """(time, number, key) of every hash that a pattern means; SCAN, which does not stop the server."""
        is_key = pattern.startswith(KEY_PREFIX)
        for key in self._client.scan_iter(match=pattern if is_key else f"{KEY_PREFIX}*", count=1_000):
            time, symbol, type, number = _parts(key)
            if is_key or _means(pattern, key, symbol, type):
                yield time, number, key

    def _read(self, keys: list[str]) -> list[FeedRecord]:
        """The records of some keys; those that were forgotten meanwhile are passed over."""
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
            hashes = pipe.execute()
        made = [_record(key, fields) for key, fields in zip(keys, hashes, strict=True) if fields]
        return [record for record in made if record is not None]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parts(key: str) -> tuple[float, str, str, int]:
    """Time, symbol, type and number of a key `data_feed:{time}:{symbol}:{type}[:{number}]`."""
    parts = key.split(":")
    number = int(parts.pop()) if len(parts) > 4 and parts[-1].isdecimal() else 0
    try:
        time = float(parts[1])
    except (ValueError, IndexError):
        time = 0.0
    return time, ":".join(parts[2:-1]), parts[-1], number


def _means(pattern: str, key: str, symbol: str, type: str) -> bool:
    channel, colon, rest = pattern.partition(":")
    if pattern in ("", "*"):
        return True
    if not colon:
        return fnmatchcase(type, channel) or fnmatchcase(key, pattern)
    return fnmatchcase(type, channel) and (
        fnmatchcase(symbol, rest) or fnmatchcase(inside_symbol(symbol), rest)
    )


def _record(key: str, fields: Mapping[str, str]) -> FeedRecord | None:
    """The record of a hash; None for one that is no record (a hash of something else, a broken one)."""
    _, _, type, _ = _parts(key)
    provenance = fields.get(_PROVENANCE, "import")
    try:
        data = json.loads(fields[_WHOLE]) if _WHOLE in fields else _typed(type, fields)
        record = make_record({"type": type, **data}, provenance=provenance)
    except (RecordRefused, ValueError) as error:
        log.warning("%s in Redis is no record: %s", key, error)
        return None
    return FeedRecord(record.ts_ms, type, record.symbol, record.source, key, record.data, provenance)


def _typed(type: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """What another agent wrote: texts, made numbers and lists where the schema has them."""
    kinds = {field.name: field.kind for field in SCHEMAS.get(type, ())}
    data: dict[str, Any] = {}
    for name, text in fields.items():
        kind = kinds.get(name, Kind.TIME if name == "timestamp" else Kind.TEXT)
        if kind in (Kind.NUMBER, Kind.TIME):
            data[name] = float(text)
        else:
            data[name] = json.loads(text) if kind is Kind.LEVELS else text
    return data
