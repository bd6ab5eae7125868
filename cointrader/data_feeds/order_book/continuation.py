"""The book at the end of one recorded stream, kept so that the next file of the stream can go on from it.

A recorder that starts a new file at midnight asks the exchange for no new snapshot: the updates go on. The
whole book as of the last update is therefore a record (`book_state`), found again by that update's id.
"""

from __future__ import annotations

import json
import sqlite3

from cointrader.data_feeds.order_book.recording import DepthRecorder
from cointrader.data_feeds.records.normalising import checked_record
from storage.feed_records import FeedRecord

TYPE = "book_state"


def final_state(recorder: DepthRecorder, ts_ms: int, provenance: str, source_file_id: int) -> FeedRecord:
    """The record of the whole book as it stands, in ticks."""
    book = recorder.replay.book
    data = {
        "type": TYPE,
        "exchange": recorder.exchange,
        "symbol": recorder.symbol,
        "last_update_id": recorder.replay.last_id,
        "decimals": recorder.scale.decimals or 0,
        "bids": sorted(book.bids.items(), reverse=True),
        "asks": sorted(book.asks.items()),
        "timestamp": ts_ms / 1000,
    }
    made = checked_record(data, provenance=provenance)
    return FeedRecord(
        made.ts_ms, TYPE, made.symbol, made.source, made.key, data, provenance, source_file_id=source_file_id
    )


def resume_from(connection: sqlite3.Connection, recorder: DepthRecorder, previous_id: int) -> bool:
    """Gives the recorder the book as of update `previous_id`, where an earlier file ended with it."""
    rows = connection.execute(
        "SELECT data_json FROM feed_record WHERE type = ? AND json_extract(data_json, '$.last_update_id') = ?"
        " AND json_extract(data_json, '$.symbol') = ? ORDER BY id DESC LIMIT 1",
        (TYPE, previous_id, recorder.symbol),
    ).fetchall()
    if not rows:
        return False
    state = json.loads(rows[0][0])
    if recorder.scale.decimals not in (None, state["decimals"]):
        return False
    recorder.scale.decimals = state["decimals"]
    recorder.replay.book.clear()
    recorder.replay.book.apply(state["bids"], state["asks"])
    recorder.replay.resume(previous_id)
    return True


def has_final_state(connection: sqlite3.Connection, source_file_id: int) -> bool:
    """Whether the book was rebuilt when this file was read."""
    rows = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM feed_record WHERE type = ? AND source_file_id = ?)",
        (TYPE, source_file_id),
    ).fetchall()
    return bool(rows[0][0])
