"""Headlines with a score, from CSV files of any order of rows."""

from __future__ import annotations

import csv
from pathlib import Path

from cointrader.data_feeds.record_import import FileRecords, Sink, load_records
from cointrader.data_feeds.records.cleaning import clean_text
from cointrader.data_feeds.sentiment_score import score_text
from cointrader.data_feeds.table_rows import TableRow, table_rows
from cointrader.interop.file_kind import FileKind, LoadContext, LoadReport, Recognition

_TIMES = ("date", "datetime", "time", "timestamp", "published", "published_at", "created_at")
_TITLES = ("headline", "title")
_TEXTS = ("description", "summary", "text", "body")
_SCORES = ("sentiment", "sentiment_score", "score", "compound", "polarity")
_KEYWORDS = ("keyword", "coin", "currency", "symbol", "ticker")
MARKET = "market"
"""The keyword of news that is about no single coin."""


def recognise_news(head: bytes, name: str) -> Recognition | None:
    """Recognises a table whose header names a time and a headline."""
    header = _header(head.partition(b"\n")[0])
    if not (_named(header, _TIMES) and _named(header, _TITLES)):
        return None
    scored = "with a score" if _named(header, _SCORES) else "whose texts will be scored"
    return Recognition("news", f"its columns are a time and a headline, {scored}")


def _header(line: bytes) -> dict[str, str]:
    """The columns of a header, as they stand, by their names in lower case."""
    names = next(csv.reader([line.decode("utf-8-sig", "replace").strip()]), [])
    return {name.strip().lower(): name.strip() for name in names}


def _named(header: dict[str, str], wanted: tuple[str, ...]) -> str:
    return next((header[name] for name in wanted if name in header), "")


def load_news(path: Path, context: LoadContext) -> LoadReport:
    """Keeps every headline with its sentiment. Raises FileRefused.

    A score in the file is kept as it is; only a file without one is scored here, from headline and text.
    Times without a zone are UTC.
    """
    return load_records(path, context, "news", lambda sink: read_news(path, context, sink))


def read_news(path: Path, context: LoadContext, sink: Sink) -> FileRecords:
    """Gives the headlines of a file to a sink."""
    lowest, highest, ordered, last = 1.0, -1.0, True, ""
    columns: dict[str, str] = {}
    kept = 0
    for row in table_rows(path, context, sink):
        columns = columns or {name.lower(): name for name in row.values}
        record = _record(row, columns, sink)
        if record is None or not sink.add("news_sentiment", record, line=row.line, raw=row.raw):
            continue
        kept += 1
        score = record["sentiment"]
        assert isinstance(score, float)
        lowest, highest = min(lowest, score), max(highest, score)
        moment = str(record["timestamp"])
        ordered, last = ordered and moment >= last, moment
    scored = _named(columns, _SCORES)
    words = "scores of the file, kept as they are" if scored else "scores made here from the texts"
    notes = [f"{words}: {lowest:.3g} to {highest:.3g}"] if kept else []
    if not ordered:
        notes.append("its rows are in no order of time; they are read in order")
    return FileRecords(f"{kept:,} headlines", notes=notes, details={"scored_here": not scored})


def _record(row: TableRow, columns: dict[str, str], sink: Sink) -> dict[str, object] | None:
    def value(names: tuple[str, ...]) -> str:
        return row.values.get(_named(columns, names), "").strip()

    title, text, said = value(_TITLES), value(_TEXTS), value(_SCORES)
    try:
        score = float(said) if said or _named(columns, _SCORES) else score_text(f"{title}. {text}")
    except ValueError:
        sink.refuse(row.line, "sentiment", f"{said!r} is no number", row.raw)
        return None
    return {
        "source": "news",
        "keyword": value(_KEYWORDS) or MARKET,
        "sentiment": score,
        "title": title,
        "text": clean_text(text),
        "timestamp": value(_TIMES),
    }


KINDS = (FileKind("news", recognise_news, load_news),)
