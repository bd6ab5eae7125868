"""Candles as a kind of file: recognised by their first lines, loaded by `candle_import`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cointrader.data_feeds.candle_import import ImportResult, import_candles
from cointrader.data_feeds.dialects import Dialect, TimeText, split_fields
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import InstrumentError, parse_instrument, read_file_name
from cointrader.data_feeds.json_text import is_json_of_candles
from cointrader.data_feeds.sniffing import PRICES, column_names, separator_of, sniff
from cointrader.interop.file_kind import FileKind, LoadContext, LoadReport, Question, Recognition
from storage.candles.timeframe import timeframe_text

_WHICH_PAIR = Question("symbol", "Which pair is this (such as BTC/USDT)?", example="BTC/USDT")
_WHICH_ZONE = Question(
    "zone",
    "In which time zone are the dates (such as Europe/Zurich)?",
    default="UTC",
    example="Europe/Zurich",
)
_WHY = {
    "header": "a header names a time, four prices and a volume",
    "cryptodatadownload": "its header is that of CryptoDataDownload",
    "csv7": "its rows have seven numbers: time, four prices, volume, trades (CSV7)",
    "ohlcv": "its rows have a time, four prices and a volume, without a header",
    "binance_klines": "its rows are Binance klines, with close time and the takers' volumes",
}


def recognise_candles(head: bytes, name: str) -> Recognition | None:
    """Recognises Arrow tables, JSON and text files of candles in every known layout."""
    if head.startswith((b"ARROW1", b"FEA1")):
        return _recognition("feather", "it is a Feather table, as freqtrade keeps candles", name)
    if head.startswith(b"PAR1"):
        return _recognition(
            "parquet", "it is a Parquet table, as freqtrade and coinTrader2.0 keep candles", name
        )
    if head.lstrip()[:1] in (b"[", b"{"):
        if not is_json_of_candles(head):
            return None
        return _recognition(
            "json", "it is a JSON list of rows with a time and prices, as exchanges answer", name
        )
    try:
        dialect = sniff(head, Path(name))
    except CandleFileError as error:
        if not _tries_to_be_candles(head):
            return None
        return _recognition("header", f"its header names prices, but {error.reason}", name)
    zone = (_WHICH_ZONE,) if dialect.time_text.is_naive and dialect.name == "header" else ()
    why = f"{_WHY[dialect.name]}; times are {_time_words(dialect)}"
    return _recognition(dialect.name, why, name, _symbol_in_first_row(head, dialect), zone)


def _recognition(
    dialect: str, why: str, name: str, symbol: str = "", questions: tuple[Question, ...] = ()
) -> Recognition:
    named = read_file_name(name)
    known = symbol or (named.instrument.symbol if named.instrument else "")
    timeframe = timeframe_text(named.timeframe_ms) if named.timeframe_ms else ""
    # A table or a document may name its pair inside, where its first bytes do not show it.
    must_ask = not known and dialect not in ("feather", "parquet", "json")
    return Recognition(
        f"candles.{dialect}", why, known, timeframe, (*((_WHICH_PAIR,) if must_ask else ()), *questions)
    )


def _time_words(dialect: Dialect) -> str:
    words = {TimeText.INTEGER: "epoch numbers", TimeText.DECIMAL: "epoch numbers with decimals"}
    return words.get(dialect.time_text, dialect.time_text.value.replace("a date", "dates"))


def _tries_to_be_candles(head: bytes) -> bool:
    """Whether a text that fits no layout has a header with most of the prices: refused, it says more."""
    lines = [line for line in head[:4_096].decode("utf-8", "replace").splitlines() if line.strip()][:2]
    found = (set(column_names(line, separator_of(line))) & set(PRICES) for line in lines)
    return any(len(prices) >= 3 for prices in found)


def _symbol_in_first_row(head: bytes, dialect: Dialect) -> str:
    if dialect.symbol is None:
        return ""
    lines = head.decode("utf-8", "replace").splitlines()
    fields = split_fields(lines[dialect.first_line - 1], dialect.separator)
    try:
        return parse_instrument(fields[dialect.symbol]).symbol if dialect.symbol < len(fields) else ""
    except InstrumentError:
        return ""


def load_candles(path: Path, context: LoadContext) -> LoadReport:
    """Stores a file of candles. Raises CandleFileError."""
    result = import_candles(
        context.workspace,
        context.connection,
        path,
        symbol=context.answer("symbol") or None,
        timeframe=context.answer("timeframe") or None,
        zone=context.answer("zone") or "UTC",
        provenance=context.provenance,
        progress=context.progress,
    )
    return _report(result)


def _report(result: ImportResult) -> LoadReport:
    report = result.report
    return LoadReport(
        kind=f"candles.{result.dialect}",
        rows=report.rows,
        text=result.text,
        symbol=result.symbol,
        gaps=report.gaps,
        refused=report.refused,
        quarantined=len(result.refused),
        refused_rows=result.refused,
        already_there=result.already_there,
        sha256=result.source_sha256,
        notes=(*report.notes, *([result.overlap] if result.overlap else [])),
        details={
            "timeframe": timeframe_text(report.timeframe_ms),
            "bars": report.bars,
            "bars_added": result.bars_added,
            "missing_bars": report.missing_bars,
            "longest_gap_bars": report.longest_gap_bars,
            "duplicates": report.duplicates,
            "out_of_order": report.out_of_order,
            "zero_volume": report.zero_volume,
            "conflicts": result.conflicts,
            "first_close_ms": report.first_close_ms,
            "last_close_ms": report.last_close_ms,
        },
    )


def first_rows(path: Path) -> Sequence[str]:
    """The first lines of a text, the first rows of a table."""
    from cointrader.data_feeds import table_reader
    from cointrader.data_feeds.source import CandleSource

    source = CandleSource(path)
    if source.is_feather or source.is_parquet:
        return table_reader.first_rows(path)
    return [line[:160] for line in source.head[:4_096].decode("utf-8", "replace").splitlines()[:5]]


KINDS = (FileKind("candles", recognise_candles, load_candles, knows_its_own=True, preview=first_rows),)
