"""From a file to a checked series: recognise, parse, check every row, order, report.

A file that cannot be trusted is refused whole. A few bad rows in a good file are left out and kept for
the report; when they are more than a few, the file is refused after all, because a wrong dialect or a
switched unit looks just like that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.csv_reader import CsvReader
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import (
    VENUES,
    Instrument,
    InstrumentError,
    parse_instrument,
    read_file_name,
)
from cointrader.data_feeds.json_text import JsonText, is_json_of_candles
from cointrader.data_feeds.quality import (
    QualityReport,
    find_gaps,
    infer_timeframe,
    rows_off_the_grid,
    volume_notes,
)
from cointrader.data_feeds.raw_bars import CandleReader, RawBars
from cointrader.data_feeds.refusals import Refusals
from cointrader.data_feeds.row_checks import possible_rows, why_impossible
from cointrader.data_feeds.row_order import RowOrder, put_in_order
from cointrader.data_feeds.source import CandleSource
from cointrader.data_feeds.table_reader import TableReader
from cointrader.data_feeds.time_units import common_unit, to_milliseconds
from cointrader.data_feeds.zones import ZoneError, to_utc, zone_named
from storage.candles import Candles, QuarantineRow, parse_timeframe, timeframe_text

_FEW_STEPS = 10


@dataclass(frozen=True, eq=False)
class CandleReading:
    """A file that was accepted: its series, its report, and the rows that were left out."""

    candles: Candles
    instrument: Instrument
    report: QualityReport
    dialect: str
    refused: tuple[QuarantineRow, ...]

    def pieces(self) -> Iterator[Candles]:
        """The series, in one piece."""
        yield self.candles


def read_candle_file(
    path: Path | str,
    *,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    zone: str = "UTC",
) -> CandleReading:
    """Reads one file of candles, plain or gzip, in any known dialect; nothing is stored.

    `symbol` (BTC/USDT) is needed where neither the file nor its name says it; `timeframe` is a name
    such as 5m or milliseconds, and is found in the data otherwise; `zone` is that of dates that have
    none. Raises CandleFileError.
    """
    return read_source(CandleSource(Path(path)), symbol=symbol, timeframe=timeframe, zone=zone)


def read_source(
    source: CandleSource,
    *,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    zone: str = "UTC",
) -> CandleReading:
    """As `read_candle_file`, of a source that is already open."""
    path, named = source.path, read_file_name(source.path.name)
    asked_ms = asked_timeframe(path, timeframe)
    reader = reader_of(source)
    raw = reader.read()
    instrument = instrument_of(path, symbol, raw.symbol)
    open_ms = _open_times(path, reader, raw, zone)
    refusals = Refusals(path, reader, raw)

    possible = possible_rows(raw, open_ms)
    if possible is not None:
        refusals.add(np.flatnonzero(~possible), lambda row: why_impossible(raw, open_ms, row))
    order = put_in_order(raw, open_ms, possible)
    refusals.add(order.conflicts, lambda row: ("time", "was there before with other values"))
    rows, times = order.rows, open_ms[order.rows]
    refusals.check(bars=times.size)

    steps = np.diff(times)
    timeframe_ms, notes = settle_timeframe(
        path, infer_timeframe(steps), steps.size, asked_ms, named.timeframe_ms
    )
    stray = rows_off_the_grid(times, steps, timeframe_ms)
    if stray.size:
        of_raw = np.arange(open_ms.size)[rows]
        off_grid = f"is not on the {timeframe_text(timeframe_ms)} grid of the other rows"
        refusals.add(of_raw[stray], lambda row: ("time", off_grid))
        refusals.check(bars=times.size - stray.size)
        rows = np.delete(of_raw, stray)

    candles = Candles(
        symbol=instrument.symbol,
        timeframe_ms=timeframe_ms,
        close_ms=open_ms[rows] + timeframe_ms,
        open=raw.open[rows],
        high=raw.high[rows],
        low=raw.low[rows],
        close=raw.close[rows],
        volume=raw.volume[rows],
    )
    report = _report(candles, order, refusals, (*raw.notes, *notes))
    refused = refusals.kept() if refusals.count else ()
    return CandleReading(candles, instrument, report, reader.dialect_name, refused)


def _report(candles: Candles, order: RowOrder, refusals: Refusals, notes: tuple[str, ...]) -> QualityReport:
    gaps = find_gaps(candles.close_ms, candles.timeframe_ms)
    zero_volume = int(np.count_nonzero(candles.volume == 0.0))
    return QualityReport(
        rows=refusals.rows,
        bars=len(candles),
        timeframe_ms=candles.timeframe_ms,
        first_close_ms=int(candles.close_ms[0]),
        last_close_ms=int(candles.close_ms[-1]),
        gaps=gaps.count,
        missing_bars=gaps.missing_bars,
        longest_gap_bars=gaps.longest_bars,
        longest_gap_after_ms=gaps.longest_after_ms,
        duplicates=order.duplicates,
        out_of_order=order.out_of_order,
        zero_volume=zero_volume,
        refused=refusals.count,
        notes=(*notes, *volume_notes(zero_volume, len(candles))),
    )


def asked_timeframe(path: Path, timeframe: str | int | None) -> int | None:
    """Milliseconds of the timeframe that the operator named. Raises CandleFileError."""
    if timeframe is None:
        return None
    try:
        asked_ms = parse_timeframe(timeframe) if isinstance(timeframe, str) else timeframe
    except ValueError as error:
        raise CandleFileError(path, 0, "timeframe", str(error)) from error
    if asked_ms <= 0:
        raise CandleFileError(path, 0, "timeframe", f"{asked_ms} ms is no length of a bar")
    return asked_ms


def reader_of(source: CandleSource) -> CandleReader:
    """The reader for a source, by its first bytes. Raises CandleFileError for an unknown layout."""
    if source.is_feather or source.is_parquet:
        return TableReader(source)
    return CsvReader(JsonText(source)) if is_json_of_candles(source.head) else CsvReader(source)


def instrument_of(path: Path, asked: str | None, in_file: str) -> Instrument:
    """What the operator said, else what the file says, else what its name says; the venue by its folder.

    Raises CandleFileError when nothing says which pair it is.
    """
    named = read_file_name(path.name)
    folder = path.parent.name.lower()
    venue = named.venue or (folder if folder in VENUES else "")
    try:
        if asked is not None or in_file:
            return parse_instrument(in_file if asked is None else asked, venue=venue)
    except InstrumentError as error:
        raise CandleFileError(path, 0, "symbol", str(error)) from error
    if named.instrument is None:
        reason = "neither the file nor its name says which pair this is; name it with --symbol BTC/USDT"
        raise CandleFileError(path, 0, "symbol", reason)
    return replace(named.instrument, venue=venue)


def _open_times(path: Path, reader: CandleReader, raw: RawBars, zone: str) -> NDArray[np.int64]:
    """UTC milliseconds. Raises CandleFileError where units are mixed or a local time never was."""
    if not raw.is_epoch:
        return _in_utc(path, reader, raw, zone) if raw.is_naive and zone != "UTC" else raw.time
    unit, other = common_unit(raw.time)
    if other is not None:
        found, _ = common_unit(raw.time[other : other + 1])
        reason = f"{raw.time[other]} is in {found.text} where the rows before are in {unit.text}"
        raise _wrong_time(path, reader, raw, other, reason)
    return to_milliseconds(raw.time, unit)


def _in_utc(path: Path, reader: CandleReader, raw: RawBars, zone: str) -> NDArray[np.int64]:
    try:
        return to_utc(raw.time, zone_named(zone))
    except ZoneError as error:
        if error.row < 0:
            raise CandleFileError(path, 0, "zone", str(error)) from error
        raise _wrong_time(path, reader, raw, error.row, str(error)) from error


def _wrong_time(path: Path, reader: CandleReader, raw: RawBars, row: int, reason: str) -> CandleFileError:
    place = reader.locate(raw, [row])[0]
    refused = QuarantineRow(place.line, "time", reason, place.text)
    return CandleFileError(path, place.line, "time", reason, refused=[refused])


def settle_timeframe(
    path: Path, inferred_ms: int | None, steps: int, asked_ms: int | None, named_ms: int | None
) -> tuple[int, tuple[str, ...]]:
    """The timeframe, and a note where the file name says another one. Raises CandleFileError."""
    claimed_ms = asked_ms or named_ms
    if inferred_ms is None:
        if claimed_ms is None:
            reason = "no step between bars explains most of them; name it with --timeframe 5m"
            raise CandleFileError(path, 0, "timeframe", reason)
        return claimed_ms, ()
    if claimed_ms is None or claimed_ms == inferred_ms:
        return inferred_ms, ()
    if steps < _FEW_STEPS and inferred_ms % claimed_ms == 0:
        return claimed_ms, ()  # a handful of bars with gaps between them
    found, claimed = timeframe_text(inferred_ms), timeframe_text(claimed_ms)
    if asked_ms is not None:
        raise CandleFileError(
            path, 0, "timeframe", f"{claimed} was asked for, but the bars are {found} apart"
        )
    return inferred_ms, (f"the file name says {claimed}, but the bars are {found} apart",)
