"""The tables of the data: the files that were read, the rows that were refused, what a bot wrote."""

from __future__ import annotations

from storage.pages.view import Column, Field, Kind, Sort, TableView

_SEVERITIES = ("info", "warning", "error")

CANDLES = TableView(
    name="candles",
    title="Candles",
    table="candle_file",
    columns=(
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument.", aliases=("pair",)),
        Column("timeframe", "bar", Kind.DURATION, 6, "t.timeframe_ms", "Length of a bar."),
        Column("bars", "bars", Kind.INTEGER, 10, "t.bars", "Bars that are stored."),
        Column("first", "first", Kind.TIME, 16, "t.first_close_ms", "Close of the first bar."),
        Column("last", "last", Kind.TIME, 16, "t.last_close_ms", "Close of the last bar."),
        Column("gaps", "gaps", Kind.INTEGER, 7, "t.gaps", "Places where bars are missing."),
        Column("missing", "missing", Kind.INTEGER, 8, "t.missing_bars", "Bars that are missing."),
        Column("duplicates", "repeated", Kind.INTEGER, 8, "t.duplicates", "Repeated rows, dropped."),
        Column("refused", "refused", Kind.INTEGER, 8, "t.refused", "Rows that were refused."),
        Column("still", "no volume", Kind.INTEGER, 9, "t.zero_volume", "Bars in which nothing was traded."),
        Column("provenance", "is", Kind.TEXT, 10, "t.provenance", "Imported, or made up."),
        Column("dialect", "dialect", Kind.TEXT, 18, "t.dialect", "How its newest source was written."),
        Column("source", "source", Kind.TEXT, 40, "t.source_name", "Its newest source."),
        Column("imported", "imported", Kind.TIME, 16, "t.imported_ms", "When it was last imported."),
        Column("id", "#", Kind.INTEGER, 6, "t.id", "Number of the series.", indexed=True),
    ),
    default_sort=Sort("id"),
    text_sql="t.symbol || ' ' || t.dialect || ' ' || t.source_name",
    since_sql="t.last_close_ms >= {instant}",
    until_sql="t.first_close_ms <= {instant}",
    newest_sql="SELECT max(last_close_ms) FROM candle_file",
    revised=True,
)

# The part of a path after its last slash.
_NAME = "replace(t.path, rtrim(t.path, replace(t.path, '/', '')), '')"

FILES = TableView(
    name="files",
    title="Files",
    table="source_file",
    columns=(
        Column("updated", "read", Kind.TIME, 16, "t.updated_ms", "When it was last read."),
        Column(
            "state",
            "state",
            Kind.STATE,
            8,
            "t.state",
            "Read to its end, still growing, or refused.",
            values=("done", "tailing", "refused"),
        ),
        Column("name", "file", Kind.TEXT, 34, _NAME, "Its name without folders.", aliases=("file",)),
        Column("kind", "kind", Kind.TEXT, 22, "t.kind", "What it was recognised as."),
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument, where there is one."),
        Column("rows", "rows", Kind.INTEGER, 10, "t.rows", "Rows that it brought."),
        Column("refused", "refused", Kind.INTEGER, 8, "t.refused", "Rows that could not be used."),
        Column("kept", "kept", Kind.INTEGER, 7, "t.quarantined", "Refused rows kept with their reasons."),
        Column("size", "size", Kind.BYTES, 9, "t.size", "Bytes of the file."),
        Column("offset", "read to", Kind.BYTES, 9, "t.offset", "Bytes that were read so far."),
        Column("path", "path", Kind.TEXT, 60, "t.path", "Where it was."),
        Column("note", "note", Kind.TEXT, 60, "t.note", "What is to be said of it."),
        Column("seen", "first seen", Kind.TIME, 16, "t.first_seen_ms", "When it was first seen."),
        Column("id", "#", Kind.INTEGER, 6, "t.id", "Number of the file.", indexed=True),
    ),
    default_sort=Sort("updated"),
    text_sql="t.path || ' ' || t.kind || ' ' || t.symbol || ' ' || t.note",
    since_sql="t.updated_ms >= {instant}",
    until_sql="t.updated_ms <= {instant}",
    newest_sql="SELECT max(updated_ms) FROM source_file",
    extra_fields=(Field("sha256", Kind.TEXT, "t.sha256", "Of the file."),),
    revised=True,
)

QUARANTINE = TableView(
    name="quarantine",
    title="Refused rows",
    table="quarantine",
    columns=(
        Column("source", "file", Kind.TEXT, 30, "t.source_name", "File it stood in.", aliases=("file",)),
        Column("line", "line", Kind.INTEGER, 9, "t.line", "Its line; 0 where none is to blame."),
        Column("field", "field", Kind.TEXT, 12, "t.field", "What was wrong in it."),
        Column("reason", "reason", Kind.TEXT, 50, "t.reason", "Why it was refused."),
        Column("raw", "as it was read", Kind.TEXT, 60, "t.raw", "The row as it stood."),
        Column("when", "refused", Kind.TIME, 16, "t.created_ms", "When it was refused."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the row.", indexed=True),
    ),
    default_sort=Sort("id"),
    text_sql="t.source_name || ' ' || t.field || ' ' || t.reason || ' ' || t.raw",
    since_sql="t.created_ms >= {instant}",
    until_sql="t.created_ms <= {instant}",
    newest_sql="SELECT max(created_ms) FROM quarantine",
    extra_fields=(Field("sha256", Kind.TEXT, "t.source_sha256", "Of the file."),),
)

BOT_EVENTS = TableView(
    name="bot_events",
    title="What the bot wrote",
    table="bot_event",
    columns=(
        Column("time", "time", Kind.TIME, 16, "t.ts_ms", "When the bot wrote it."),
        Column("kind", "kind", Kind.TEXT, 20, "t.kind", "What it is about."),
        Column("severity", "how bad", Kind.STATE, 8, "t.severity", "How bad it is.", values=_SEVERITIES),
        Column("symbol", "symbol", Kind.TEXT, 10, "t.symbol", "Instrument.", aliases=("pair",)),
        Column("strategy", "strategy", Kind.TEXT, 14, "t.strategy", "Who was asked."),
        Column("side", "side", Kind.SIDE, 5, "t.side", "Long, short, buy or sell."),
        Column("reason", "reason", Kind.TEXT, 20, "t.reason", "Why nothing came of it."),
        Column("score", "score", Kind.NUMBER, 7, "t.score", "Of the signal.", nullable=True),
        Column("text", "text", Kind.TEXT, 70, "t.text", "What it said."),
        Column("line", "line", Kind.INTEGER, 8, "t.line", "Line of its log."),
        Column("id", "#", Kind.INTEGER, 8, "t.id", "Number of the event.", indexed=True),
    ),
    default_sort=Sort("id"),
    text_sql="t.kind || ' ' || t.symbol || ' ' || t.strategy || ' ' || t.reason || ' ' || t.text",
    since_sql="t.ts_ms >= {instant}",
    until_sql="t.ts_ms <= {instant}",
    newest_sql="SELECT max(ts_ms) FROM bot_event",
    extra_fields=(
        Field("file", Kind.INTEGER, "t.source_file_id", "Number of the file."),
        Field("data", Kind.TEXT, "t.data_json", "Everything else it said, as JSON."),
    ),
)
