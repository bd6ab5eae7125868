"""strategy_performance.json: {regime: {strategy: [{timestamp, pnl}]}}, rewritten whole at each exit.

Two modules of the bot write it, so that an exit stands in it two to four times, in mixed units; a regime
may be ''. It is not written in one step: what is read may be half of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cointrader.interop.cointrader2.records import BotPnl, Reading, key_of
from cointrader.interop.cointrader2.results_csv import is_seeded
from cointrader.interop.csv_table import RowRefused, read_number
from cointrader.interop.moments import MomentError, read_moment
from storage.quarantine import QuarantineRow

PERFORMANCE = "performance"


class HalfWritten(ValueError):
    """A JSON file that is not whole; it is worth another try a moment later."""


def parse_json(content: bytes) -> Any:
    """The document. Raises HalfWritten when it is empty or breaks off."""
    try:
        return json.loads(content)
    except ValueError as error:
        raise HalfWritten(str(error)) from error


def read_performance(content: bytes) -> Reading:
    """Every result once: equal rows of one regime, strategy and moment are one. Raises HalfWritten."""
    document = parse_json(content)
    reading = Reading()
    seen: set[str] = set()
    for place, (regime, strategy, record) in enumerate(_records(document), start=1):
        try:
            row = _result(place, regime, strategy, record)
        except RowRefused as error:
            raw = json.dumps(record)[:500]
            reading.refused.append(QuarantineRow(place, error.field, error.reason, raw))
            continue
        if row.key not in seen and not is_seeded(row):
            seen.add(row.key)
            reading.rows.append(row)
    return reading


def _records(document: Any) -> Iterator[tuple[str, str, Any]]:
    if not isinstance(document, Mapping):
        return
    for regime, strategies in document.items():
        if not isinstance(strategies, Mapping):
            continue
        for strategy, records in strategies.items():
            for record in records if isinstance(records, list) else ():
                yield str(regime), str(strategy), record


def _result(place: int, regime: str, strategy: str, record: Any) -> BotPnl:
    if not isinstance(record, Mapping):
        raise RowRefused("record", "is no object")
    try:
        moment = read_moment(record.get("timestamp") or record.get("exit_time"))
    except MomentError as error:
        raise RowRefused("timestamp", str(error)) from error
    pnl = read_number(record.get("pnl"), "pnl")
    return BotPnl(
        line=place,
        ts_ms=moment,
        strategy=strategy,
        pnl=pnl,
        source=PERFORMANCE,
        key=key_of(PERFORMANCE, regime, strategy, moment, repr(pnl)),
        symbol=str(record.get("symbol") or ""),
        regime=regime,
    )
