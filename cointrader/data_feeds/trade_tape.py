"""Trade tapes: the single trades of a market, from files of the usual layouts, and as they are exchanged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cointrader.data_feeds.instrument import read_file_name
from cointrader.data_feeds.lines import LineReader
from cointrader.data_feeds.record_import import FileRecords, Sink, load_records
from cointrader.data_feeds.records.cleaning import DataCleaner
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from cointrader.data_feeds.records.validation import RecordRefused, find_problems
from cointrader.data_feeds.table_rows import TableRow, table_rows
from cointrader.interop.file_kind import FileKind, LoadContext, LoadReport, Question, Recognition

_SIDES = {
    **{"buy": "buy", "b": "buy", "bid": "buy", "long": "buy", "false": "buy"},
    **{"sell": "sell", "s": "sell", "ask": "sell", "short": "sell", "true": "sell"},
    **{"any": "any", "": "any", "unknown": "any"},
}


class TradeParser:
    """Brings one trade of any usual source into one form."""

    # The names under which sources know a field: ours, ccxt's, Binance's streams and archives.
    NAMES: Mapping[str, tuple[str, ...]] = {
        "price": ("price", "p"),
        "amount": ("amount", "qty", "quantity", "size", "q"),
        "timestamp": ("timestamp", "time", "T", "transact_time", "E"),
        "symbol": ("symbol", "s", "pair"),
        "exchange": ("exchange", "venue"),
        "trade_id": ("trade_id", "id", "t", "agg_trade_id", "a"),
    }

    def parse_trade(self, trade: Mapping[str, Any]) -> dict[str, Any]:
        """The `parsed_trade_tape` of a raw trade; the side is the aggressor's. Raises RecordRefused."""
        found = {name: _first(trade, names) for name, names in self.NAMES.items()}
        parsed = {name: value for name, value in found.items() if value is not None}
        for name in ("price", "amount"):
            parsed[name] = _number(name, parsed.get(name))
        parsed["side"] = _side(trade)
        try:
            parsed["timestamp"] = to_ms(parsed.get("timestamp")) / 1000
        except TimeRefused as error:
            raise RecordRefused("parsed_trade_tape", "timestamp", str(error)) from error
        cleaned = DataCleaner().clean(parsed)
        problems = find_problems(cleaned, "parsed_trade_tape")
        if problems:
            raise RecordRefused("parsed_trade_tape", problems[0].field, problems[0].reason)
        return cleaned


def _first(trade: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((trade[name] for name in names if trade.get(name) not in (None, "")), None)


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise RecordRefused("parsed_trade_tape", name, f"{value!r} is no number") from error


def _side(trade: Mapping[str, Any]) -> str:
    """The aggressor's side: said, or told by whether the buyer was the one who waited."""
    said = _first(trade, ("side", "taker_side"))
    if said is None:
        said = _first(trade, ("is_buyer_maker", "isBuyerMaker", "m"))
    text = "" if said is None else str(said).strip().lower()
    if text not in _SIDES:
        raise RecordRefused("parsed_trade_tape", "side", f"{said!r} is no side of a trade")
    return _SIDES[text]


@dataclass(frozen=True)
class TapeLayout:
    """A layout of trade files: how its first line looks, and its columns (none: the header names them)."""

    name: str
    first_line: re.Pattern[str]
    columns: tuple[str, ...] | None
    why: str


_N = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_BOOL = "(?:true|false|True|False|TRUE|FALSE)"
LAYOUTS = (
    TapeLayout(
        "seconds",
        re.compile(rf"\d{{10,19}}(?:\.\d+)?,{_N},{_N},(?i:any|buy|sell|b|s)\s*$"),
        ("timestamp", "price", "amount", "side"),
        "its lines are time, price, amount and side",
    ),
    TapeLayout(
        "binance_trades",
        re.compile(rf"\d+,{_N},{_N},{_N},\d{{13,16}},{_BOOL}(?:,{_BOOL})?\s*$"),
        ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
        "its lines are those of Binance's archive of trades",
    ),
    TapeLayout(
        "binance_agg_trades",
        re.compile(rf"\d+,{_N},{_N},\d+,\d+,\d{{13,16}},{_BOOL}(?:,{_BOOL})?\s*$"),
        ("id", "price", "qty", "first_id", "last_id", "time", "is_buyer_maker", "is_best_match"),
        "its lines are those of Binance's archive of aggregated trades",
    ),
    TapeLayout(
        "headed",
        re.compile(
            r"(?=.*\b(?:price)\b)(?=.*\b(?:qty|amount|quantity|size)\b)(?=.*\b(?:side|is_buyer_maker)\b)"
            r"(?=.*\b(?:time|timestamp|transact_time)\b)(?!.*\b(?:order_id|open|exit_price)\b)[\w,\" ]+$"
        ),
        None,
        "its header names the price, amount, side and time of trades",
    ),
)
_WHICH = Question("symbol", "Which pair was traded? Write it as BTC/USDT", example="BTC/USDT")


def layout_of(head: bytes) -> TapeLayout | None:
    """The layout whose first line this is."""
    first = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    return next((each for each in LAYOUTS if each.first_line.match(first)), None)


def recognise_tape(head: bytes, name: str) -> Recognition | None:
    """Recognises a file of single trades; pair and venue stand in its name, or are asked for."""
    layout = layout_of(head)
    if layout is None:
        return None
    named = read_file_name(name)
    symbol = named.instrument.symbol if named.instrument else ""
    return Recognition("trade_tape", layout.why, symbol, questions=() if symbol else (_WHICH,))


def load_tape(path: Path, context: LoadContext) -> LoadReport:
    """Keeps every trade of a file. Raises FileRefused."""
    venue = read_file_name(path.name).venue
    return load_records(path, context, venue, lambda sink: read_tape(path, context, sink))


def read_tape(path: Path, context: LoadContext, sink: Sink) -> FileRecords:
    """Gives the trades of a file to a sink."""
    symbol = context.answer("symbol") or context.recognition.symbol
    parser, sides = TradeParser(), {"buy": 0, "sell": 0, "any": 0}
    first = next(iter(LineReader(path)), (1, b""))[1]
    for row in table_rows(path, context, sink, _columns(layout_of(first), first)):
        trade = _parsed(parser, row, symbol, sink)
        if trade is not None and sink.add("trade_tape", trade, line=row.line, raw=row.raw, is_checked=True):
            sides[trade["side"]] += 1
    kept = sum(sides.values())
    notes = ["no trade says which side began it"] if kept and sides["any"] == kept else []
    return FileRecords(f"{kept:,} trades of {symbol}", symbol, notes=notes, details={"sides": sides})


def _columns(layout: TapeLayout | None, first_line: bytes) -> tuple[str, ...] | None:
    """The columns that the file's lines have; archives leave out the last one where it says nothing."""
    if layout is None or layout.columns is None:
        return None
    return layout.columns[: first_line.count(b",") + 1]


def _parsed(parser: TradeParser, row: TableRow, symbol: str, sink: Sink) -> dict[str, Any] | None:
    try:
        return parser.parse_trade({"symbol": symbol, **row.values})
    except RecordRefused as error:
        sink.refuse(row.line, error.field, error.reason, row.raw)
        return None


KINDS = (FileKind("trade_tape", recognise_tape, load_tape),)
