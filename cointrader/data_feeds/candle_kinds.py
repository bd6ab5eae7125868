"""Candles as a kind of file: recognised by their first lines, loaded by `candle_import`."""

from __future__ import annotations

from pathlib import Path

from cointrader.data_feeds.candle_import import ImportResult, import_candles
from cointrader.data_feeds.dialects import sniff
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import read_file_name
from cointrader.interop.file_kind import FileKind, LoadContext, LoadReport, Question, Recognition
from storage.candles.timeframe import timeframe_text

_WHICH_PAIR = Question("symbol", "Which pair is this (such as BTC/USDT)?", example="BTC/USDT")
_TABLES = {b"ARROW1": "feather", b"FEA1": "feather"}


def recognise_candles(head: bytes, name: str) -> Recognition | None:
    """Recognises Feather tables and text files of candles in every known layout."""
    for magic, word in _TABLES.items():
        if head.startswith(magic):
            return _recognition(f"candles.{word}", f"it is a {word.capitalize()} table", name, "")
    try:
        dialect = sniff(head, Path(name))
    except CandleFileError:
        return None
    return _recognition(f"candles.{dialect.name}", "its lines are those of candles", name, "")


def _recognition(kind: str, why: str, name: str, symbol: str) -> Recognition:
    named = read_file_name(name)
    known = symbol or (named.instrument.symbol if named.instrument else "")
    timeframe = timeframe_text(named.timeframe_ms) if named.timeframe_ms else ""
    return Recognition(kind, why, known, timeframe, () if known else (_WHICH_PAIR,))


def load_candles(path: Path, context: LoadContext) -> LoadReport:
    """Stores a file of candles. Raises CandleFileError."""
    result = import_candles(
        context.workspace,
        context.connection,
        path,
        symbol=context.answer("symbol") or None,
        timeframe=context.answer("timeframe") or None,
        provenance=context.provenance,
        progress=context.progress,
    )
    return _report(context.recognition.kind, result)


def _report(kind: str, result: ImportResult) -> LoadReport:
    report = result.report
    return LoadReport(
        kind=kind,
        rows=report.rows,
        text=result.text,
        symbol=result.symbol,
        gaps=report.gaps,
        refused=report.refused,
        quarantined=len(result.refused),
        already_there=result.already_there,
        notes=report.notes,
    )


KINDS = (FileKind("candles", recognise_candles, load_candles, knows_its_own=True),)
