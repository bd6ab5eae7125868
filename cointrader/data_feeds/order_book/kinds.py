"""Recorded depth streams and tables of books as kinds of files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from cointrader.data_feeds.instrument import InstrumentError, parse_instrument
from cointrader.data_feeds.lines import LineReader
from cointrader.data_feeds.order_book.continuation import final_state, has_final_state, resume_from
from cointrader.data_feeds.order_book.level_table import load_level_table, recognise_level_table
from cointrader.data_feeds.order_book.recording import DepthRecorder, Found
from cointrader.data_feeds.order_book.stream import DepthUpdate, LineError, parse_line
from cointrader.data_feeds.record_import import FileRecords, Sink, load_records
from cointrader.interop.file_kind import (
    FileKind,
    FileRefused,
    LoadContext,
    LoadReport,
    Recognition,
    SourceContent,
)
from storage.feed_records import FeedRecord
from storage.source_files import SourceFileRow, read_before

_FIRST_LINE = re.compile(rb'\d{16,19} \{.*("e":"(depthUpdate|bookTicker|trade)"|"lastUpdateId":)', re.DOTALL)
_SYMBOL = re.compile(rb'"s":"([A-Z0-9]+)"')
_OF_THE_BOOK = frozenset({"order_book", "microstructure", "slippage"})
_PROGRESS_LINES = 2_000


def recognise_stream(head: bytes, name: str) -> Recognition | None:
    """Recognises lines of a local time and a message of Binance's market streams."""
    line = head.partition(b"\n")[0]
    if not _FIRST_LINE.match(line):
        return None
    found = _SYMBOL.search(head)
    return Recognition(
        kind="depth_stream",
        why="its lines are a time and a message of Binance's depth, book ticker and trade streams",
        symbol=_inside(found[1].decode()) if found else "",
    )


def _inside(symbol: str) -> str:
    try:
        return parse_instrument(symbol).symbol
    except InstrumentError:
        return symbol


def load_stream(path: Path, context: LoadContext) -> LoadReport:
    """Replays a stream and keeps its trades and the market once a second. Raises FileRefused.

    A file that was read before without a book, because the one before it was not here, is read again once
    that one is: then the records of the book are added.
    """
    before = read_before(context.connection, SourceContent(path).sha256(), "depth_stream")
    if before is not None and (has_final_state(context.connection, before.id) or not _joins(path, context)):
        return _nothing_new(path, before)
    return load_records(path, context, "", lambda sink: read_depth_stream(path, context, sink, before))


def _nothing_new(path: Path, before: SourceFileRow) -> LoadReport:
    return LoadReport(
        kind="depth_stream",
        rows=before.rows,
        text=f"{path.name}: nothing new, these bytes were imported before as {before.path}",
        symbol=before.symbol,
        gaps=0,
        already_there=True,
        source_file_id=before.id,
    )


def _joins(path: Path, context: LoadContext) -> bool:
    """Whether a book is here that the first update of the file follows."""
    recorder = DepthRecorder()
    for number, line in LineReader(path):
        try:
            message = parse_line(number, line, recorder.scale)
        except LineError:
            continue
        if isinstance(message, DepthUpdate):
            recorder.symbol = message.symbol
            return resume_from(context.connection, recorder, message.previous_id)
    return False


def read_depth_stream(
    path: Path, context: LoadContext, sink: Sink, before: SourceFileRow | None = None
) -> FileRecords:
    """Gives the messages of a file to a sink; of a file that was read before only those of the book."""
    recorder, resumed = DepthRecorder(), False
    wanted = _OF_THE_BOOK if before is not None else None

    def keep(found: Iterable[Found], line: int = 0) -> None:
        for type, data in found:
            if wanted is None or type in wanted:
                sink.add(type, data, line=line)

    reader = LineReader(path)
    for number, line in reader:
        sink.next_row()
        if number % _PROGRESS_LINES == 0:
            context.progress(reader.position, reader.size, f"{path.name}: line {number:,}")
        try:
            message = parse_line(number, line, recorder.scale)
            if isinstance(message, DepthUpdate) and not recorder.counts.get("depthUpdate"):
                recorder.symbol = recorder.symbol or message.symbol
                resumed = resume_from(context.connection, recorder, message.previous_id)
            if message is not None:
                keep(recorder.hear(message), number)
        except LineError as error:
            sink.refuse(number, error.field, error.reason, line)
    if not recorder.counts:
        raise FileRefused(path, 1, "message", "holds no message of a depth, book ticker or trade stream")
    keep(recorder.end_of_second())
    return _told(recorder, context, resumed, before)


def _told(
    recorder: DepthRecorder, context: LoadContext, resumed: bool, before: SourceFileRow | None
) -> FileRecords:
    replay, counts = recorder.replay, recorder.counts
    notes = [
        f"updates are missing before line {each.line:,}: {each.expected_id} was followed by {each.got_id}; "
        "the book is not believed until the next snapshot"
        for each in replay.breaks[:10]
    ]
    if resumed:
        notes.append("its book goes on where an earlier file ended")
    elif not counts.get("snapshot") and counts.get("depthUpdate"):
        notes.append(
            f"it has no snapshot, and no file here ends with update {recorder.first_previous_id}, which it "
            "follows: trades and prices were kept, no book was rebuilt; import the file before it and this "
            "one again"
        )
    ts_ms = recorder.latest_ms
    state = replay.synchronised

    def last_book(source_file_id: int) -> list[FeedRecord]:
        return [final_state(recorder, ts_ms, context.provenance, source_file_id)] if state else []

    return FileRecords(
        text=f"{sum(counts.values()):,} messages of {_inside(recorder.symbol)}, "
        f"{replay.applied:,} updates of the book applied, {len(replay.breaks):,} breaks of their sequence",
        symbol=_inside(recorder.symbol),
        gaps=len(replay.breaks),
        notes=notes,
        details={
            "messages": dict(counts),
            "applied": replay.applied,
            "stale": replay.stale,
            "waiting": replay.waiting,
        },
        more=last_book,
        same_file=before,
    )


KINDS = (
    FileKind("depth_stream", recognise_stream, load_stream, knows_its_own=True),
    FileKind("book_csv", recognise_level_table, load_level_table),
)
