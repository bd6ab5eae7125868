"""From a file to a checked series: recognise, parse, check every row, order, report.

A file that cannot be trusted is refused whole. A few bad rows in a good file are left out and kept for
the report; when they are more than a few, the file is refused after all, because a wrong dialect or a
switched unit looks just like that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.csv_reader import CsvReader
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.feather_reader import FeatherReader
from cointrader.data_feeds.instrument import Instrument, InstrumentError, parse_instrument, read_file_name
from cointrader.data_feeds.quality import QualityReport, find_gaps, infer_timeframe, rows_off_the_grid
from cointrader.data_feeds.raw_bars import CandleReader, RawBars
from cointrader.data_feeds.row_checks import possible_rows, why_impossible
from cointrader.data_feeds.row_order import put_in_order
from cointrader.data_feeds.source import CandleSource
from cointrader.data_feeds.time_units import common_unit, to_milliseconds
from storage.candles import Candles, QuarantineRow, parse_timeframe, timeframe_text

TOLERATED_ROWS = 10
"""So many rows may be refused in any file that is mostly good; above it, one in a hundred."""

KEPT_ROWS = 10_000
"""Of more refused rows than these only the first are kept for the report."""

_FEW_STEPS = 10


@dataclass(frozen=True, eq=False)
class CandleReading:
    """A file that was accepted: its series, its report, and the rows that were left out."""

    candles: Candles
    instrument: Instrument
    report: QualityReport
    dialect: str
    refused: tuple[QuarantineRow, ...]


@dataclass(frozen=True, eq=False)
class _Refusals:
    """Refused rows with their reasons, and how many there are of rows in all."""

    kept: tuple[QuarantineRow, ...]
    count: int
    rows: int

    @property
    def are_too_many(self) -> bool:
        return self.count > max(TOLERATED_ROWS, self.rows // 100) or 2 * self.count > self.rows


def read_candle_file(
    path: Path | str, *, symbol: str | None = None, timeframe: str | int | None = None
) -> CandleReading:
    """Reads one file of candles, plain or gzip, in any known dialect; nothing is stored.

    `symbol` (BTC/USDT) is needed where neither the file nor its name says it; `timeframe` is a name
    such as 5m or milliseconds, and is found in the data otherwise. Raises CandleFileError.
    """
    return read_source(CandleSource(Path(path)), symbol=symbol, timeframe=timeframe)


def read_source(
    source: CandleSource, *, symbol: str | None = None, timeframe: str | int | None = None
) -> CandleReading:
    """As `read_candle_file`, of a source that is already open."""
    path, named = source.path, read_file_name(source.path.name)
    asked_ms = _asked_timeframe(path, timeframe)
    reader: CandleReader = FeatherReader(source) if source.is_feather else CsvReader(source)
    raw = reader.read()
    instrument = _instrument(path, symbol, raw.symbol)
    open_ms = _open_times(path, reader, raw)
    possible = possible_rows(raw, open_ms)
    rows = np.arange(raw.time.size) if possible is None else np.flatnonzero(possible)
    order = put_in_order(raw, open_ms, rows)
    impossible = np.empty(0, dtype=np.int64) if possible is None else np.flatnonzero(~possible)

    reasons = {int(row): why_impossible(raw, open_ms, int(row)) for row in impossible[:KEPT_ROWS]}
    reasons |= {int(row): ("time", CONFLICT) for row in order.conflicts[:KEPT_ROWS]}
    left_out = impossible.size + order.conflicts.size
    _refuse_if_too_many(path, _refusals(reader, raw, reasons, left_out), bars=order.rows.size)

    times = open_ms[order.rows] if order.rows.size < raw.time.size or order.out_of_order else open_ms
    timeframe_ms, notes = _settle_timeframe(path, times, asked_ms, named.timeframe_ms)
    stray = rows_off_the_grid(times, timeframe_ms)
    off_grid = f"is not on the {timeframe_text(timeframe_ms)} grid of the other rows"
    reasons |= {int(row): ("time", off_grid) for row in order.rows[stray[:KEPT_ROWS]]}
    refusals = _refusals(reader, raw, reasons, left_out + stray.size)
    _refuse_if_too_many(path, refusals, bars=order.rows.size - stray.size)

    candles = _candles(instrument, timeframe_ms, raw, open_ms, np.delete(order.rows, stray))
    gaps = find_gaps(candles.close_ms, timeframe_ms)
    report = QualityReport(
        rows=refusals.rows,
        bars=len(candles),
        timeframe_ms=timeframe_ms,
        first_close_ms=int(candles.close_ms[0]),
        last_close_ms=int(candles.close_ms[-1]),
        gaps=gaps.count,
        missing_bars=gaps.missing_bars,
        longest_gap_bars=gaps.longest_bars,
        longest_gap_after_ms=gaps.longest_after_ms,
        duplicates=order.duplicates,
        out_of_order=order.out_of_order,
        zero_volume=int(np.count_nonzero(candles.volume == 0.0)),
        refused=refusals.count,
        notes=(*raw.notes, *notes),
    )
    return CandleReading(candles, instrument, report, reader.dialect_name, refusals.kept)


CONFLICT = "was there before with other values; the first row is kept"


def _asked_timeframe(path: Path, timeframe: str | int | None) -> int | None:
    if timeframe is None:
        return None
    try:
        asked_ms = parse_timeframe(timeframe) if isinstance(timeframe, str) else timeframe
    except ValueError as error:
        raise CandleFileError(path, 0, "timeframe", str(error)) from error
    if asked_ms <= 0:
        raise CandleFileError(path, 0, "timeframe", f"{asked_ms} ms is no length of a bar")
    return asked_ms


def _instrument(path: Path, asked: str | None, in_file: str) -> Instrument:
    """What the operator said, else what the file says, else what its name says."""
    named = read_file_name(path.name)
    try:
        if asked is not None:
            return parse_instrument(asked, venue=named.venue)
        if in_file:
            return parse_instrument(in_file, venue=named.venue)
    except InstrumentError as error:
        raise CandleFileError(path, 0, "symbol", str(error)) from error
    if named.instrument is None:
        reason = "neither the file nor its name says which pair this is; name it with --symbol BTC/USDT"
        raise CandleFileError(path, 0, "symbol", reason)
    return named.instrument


def _open_times(path: Path, reader: CandleReader, raw: RawBars) -> NDArray[np.int64]:
    if not raw.is_epoch:
        return raw.time
    unit, other = common_unit(raw.time)
    if other is not None:
        place = reader.locate(raw, [other])[0]
        found, _ = common_unit(raw.time[other : other + 1])
        reason = f"{raw.time[other]} is in {found.text} where the rows before are in {unit.text}"
        row = QuarantineRow(place.line, "time", reason, place.text)
        raise CandleFileError(path, place.line, "time", reason, refused=[row])
    return to_milliseconds(raw.time, unit)


def _refusals(
    reader: CandleReader, raw: RawBars, reasons: dict[int, tuple[str, str]], left_out: int
) -> _Refusals:
    rows = sorted(reasons)
    places = reader.locate(raw, rows) if rows else []
    kept = [
        QuarantineRow(place.line, *reasons[row], place.text) for row, place in zip(rows, places, strict=True)
    ]
    kept = sorted([*raw.refused, *kept], key=lambda row: row.line)[:KEPT_ROWS]
    return _Refusals(tuple(kept), left_out + len(raw.refused), raw.time.size + len(raw.refused))


def _refuse_if_too_many(path: Path, refusals: _Refusals, *, bars: int) -> None:
    if bars > 0 and not refusals.are_too_many:
        return
    if not refusals.kept:
        raise CandleFileError(path, 1, "file", "has no rows of candles")
    first = refusals.kept[0]
    reason = (
        f"{first.reason}; {refusals.count:,} of {refusals.rows:,} rows are refused, "
        f"too many to trust the others"
    )
    raise CandleFileError(path, first.line, first.field, reason, refused=refusals.kept)


def _settle_timeframe(
    path: Path, times_ms: NDArray[np.int64], asked_ms: int | None, named_ms: int | None
) -> tuple[int, Sequence[str]]:
    """The timeframe, and a note where the file name says another one."""
    inferred_ms, steps = infer_timeframe(times_ms), times_ms.size - 1
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


def _candles(
    instrument: Instrument,
    timeframe_ms: int,
    raw: RawBars,
    open_ms: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> Candles:
    """The kept rows as a series; the columns are not copied when all rows are kept as they stand."""
    is_whole = rows.size == open_ms.size and bool(np.all(rows[1:] > rows[:-1]))

    def kept(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values if is_whole else values[rows]

    return Candles(
        symbol=instrument.symbol,
        timeframe_ms=timeframe_ms,
        close_ms=(open_ms if is_whole else open_ms[rows]) + timeframe_ms,
        open=kept(raw.open),
        high=kept(raw.high),
        low=kept(raw.low),
        close=kept(raw.close),
        volume=kept(raw.volume),
    )
