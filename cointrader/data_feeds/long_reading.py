"""A file of candles of any size to a checked series, in memory that does not grow with it.

The same rules as in `candle_reading`, in two passes. The first reads block by block, leaves out what is
no bar and keeps the rest on disk. The second goes through it in order of time: repeats are dropped, rows
that contradict an earlier one or lie beside the grid are left out, and the series comes out in pieces.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.candle_reading import asked_timeframe, instrument_of, settle_timeframe
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import Instrument, InstrumentError, parse_instrument, read_file_name
from cointrader.data_feeds.long_blocks import Block, LongFile
from cointrader.data_feeds.quality import QualityReport, SeriesFigures, infer_timeframe, volume_notes
from cointrader.data_feeds.refusals import KEPT_ROWS, TOLERATED_ROWS
from cointrader.data_feeds.row_checks import possible_rows, why_impossible
from cointrader.data_feeds.spill import Spill, SpilledRows, TooScattered
from cointrader.data_feeds.time_units import TimeUnit, common_unit, to_milliseconds
from storage.candles import Candles, timeframe_text
from storage.quarantine import QuarantineRow

LONG_BYTES = 256 << 20
"""Files with more content than this are read in blocks."""

# How much larger the content of a file usually is than the file.
_UNPACKS_TO = {b"\x1f\x8b": 6, b"PAR1": 3, b"ARRO": 3}

_CONFLICT = "was there before with other values"


def is_long(path: Path) -> bool:
    """Whether the content of a file may be too large to be read at once."""
    try:
        with open(path, "rb") as file:
            head = file.read(4)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return False  # whoever reads it says why it cannot be read
    factor = next((factor for magic, factor in _UNPACKS_TO.items() if head.startswith(magic)), 1)
    return size * factor > LONG_BYTES


@dataclass(frozen=True, eq=False)
class LongReading:
    """A file that was accepted. `pieces` reads the series from the scratch folder, as often as needed."""

    pieces: Callable[[], Iterator[Candles]]
    instrument: Instrument
    report: QualityReport
    dialect: str
    refused: tuple[QuarantineRow, ...]


def read_long(
    path: Path,
    scratch: Path,
    *,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    zone: str = "UTC",
    tell: Callable[[int], None] = lambda rows: None,
) -> LongReading:
    """As `read_candle_file`, with the rows in a scratch folder meanwhile; `tell` hears of rows read.

    Raises CandleFileError.
    """
    asked_ms = asked_timeframe(path, timeframe)
    first = _FirstPass(LongFile(path), Spill(scratch), zone)
    first.run(tell)
    instrument = instrument_of(path, symbol, first.symbol)
    try:
        return _second_pass(path, first, instrument, asked_ms)
    except TooScattered as error:
        reason = "its rows are scattered over the whole file; sort them by time first"
        raise CandleFileError(path, 0, "time", reason) from error


class _Refusals:
    """Refused rows: the first are kept, all are counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: list[QuarantineRow] = []
        self.count = 0

    def add(self, rows: list[QuarantineRow], count: int) -> None:
        self._kept = sorted([*self._kept, *rows], key=lambda row: row.line)[:KEPT_ROWS]
        self.count += count

    @property
    def kept(self) -> tuple[QuarantineRow, ...]:
        return tuple(self._kept)

    def check(self, rows: int, bars: int) -> None:
        """Refuses the whole file when too few bars are left or too many rows were left out."""
        too_many = self.count > max(TOLERATED_ROWS, rows // 100) or 2 * self.count > rows
        if bars > 0 and not too_many:
            return
        if self.count == 0:
            raise CandleFileError(self._path, 1, "file", "has no rows of candles")
        first = self._kept[0]
        reason = f"{first.reason}; {self.count:,} of {rows:,} rows are refused, too many to trust the others"
        raise CandleFileError(self._path, first.line, first.field, reason, refused=self._kept)


class _FirstPass:
    """Reads a file once; what is left of its rows is in the spill then."""

    def __init__(self, file: LongFile, spill: Spill, zone: str) -> None:
        self._file = file
        self._zone = zone
        self._unit: TimeUnit | None = None
        self._latest_ms: int | None = None
        self.spill = spill
        self.refusals = _Refusals(file.path)
        self.symbol = ""
        self.notes: tuple[str, ...] = ()
        self.rows = 0
        self.bars = 0
        self.out_of_order = 0

    @property
    def dialect(self) -> str:
        return self._file.dialect_name

    def run(self, tell: Callable[[int], None]) -> None:
        for block in self._file.blocks():
            self._take(block)
            if self.refusals.count > KEPT_ROWS:
                self.refusals.check(self.rows, self.bars)
            tell(self.rows)
        self.refusals.check(self.rows, self.bars)

    def _take(self, block: Block) -> None:
        raw = block.raw
        self._same_symbol(block)
        self.notes = tuple(dict.fromkeys((*self.notes, *raw.notes)))
        open_ms = self._open_times(block)
        self.rows += raw.time.size + len(raw.refused)
        self.refusals.add(list(raw.refused), len(raw.refused))
        possible = possible_rows(raw, open_ms)
        if possible is not None:
            wrong = np.flatnonzero(~possible)
            shown = [int(row) for row in wrong[:KEPT_ROWS]]
            places = zip(shown, block.locate(shown), strict=True)
            refused = [
                QuarantineRow(place.line, *why_impossible(raw, open_ms, row), place.text)
                for row, place in places
            ]
            self.refusals.add(refused, wrong.size)
        values = np.stack([raw.open, raw.high, raw.low, raw.close, raw.volume])
        rows = SpilledRows(open_ms, block.lines, values)
        rows = rows if possible is None else rows.take(possible)
        self._count_order(rows.open_ms)
        self.bars += len(rows)
        self.spill.add(rows)

    def _count_order(self, times_ms: NDArray[np.int64]) -> None:
        if times_ms.size == 0:
            return
        before = times_ms[:1] if self._latest_ms is None else np.array([self._latest_ms])
        latest = np.maximum.accumulate(np.concatenate((before, times_ms)))
        self.out_of_order += int(np.count_nonzero(times_ms < latest[:-1]))
        self._latest_ms = int(latest[-1])

    def _same_symbol(self, block: Block) -> None:
        found = block.raw.symbol
        if not found or found == self.symbol:
            return
        if not self.symbol or _is_same_pair(found, self.symbol):
            self.symbol = self.symbol or found
            return
        reason = f"{found!r} where the rows before have {self.symbol!r}; give each symbol a file of its own"
        raise CandleFileError(self._file.path, int(block.lines[0]), "symbol", reason)

    def _open_times(self, block: Block) -> NDArray[np.int64]:
        raw = block.raw
        if not raw.is_epoch:
            if raw.is_naive and self._zone != "UTC":
                reason = (
                    f"is too large for its dates to be turned from {self._zone}; turn them into UTC first"
                )
                raise CandleFileError(self._file.path, 0, "zone", reason)
            return raw.time
        unit, other = common_unit(raw.time)
        self._unit = self._unit or unit
        if other is None and unit is not self._unit and raw.time.size:
            other = 0
        if other is not None:
            found, _ = common_unit(raw.time[other : other + 1])
            reason = f"{raw.time[other]} is in {found.text} where the rows before are in {self._unit.text}"
            place = block.locate([other])[0]
            refused = [QuarantineRow(place.line, "time", reason, place.text)]
            raise CandleFileError(self._file.path, place.line, "time", reason, refused=refused)
        return to_milliseconds(raw.time, self._unit)


def _is_same_pair(one: str, other: str) -> bool:
    try:
        return parse_instrument(one) == parse_instrument(other)
    except InstrumentError:
        return False


def _second_pass(path: Path, first: _FirstPass, instrument: Instrument, asked_ms: int | None) -> LongReading:
    inferred_ms = _infer_timeframe(first.spill)
    steps = first.bars - 1
    timeframe_ms, notes = settle_timeframe(
        path, inferred_ms, steps, asked_ms, read_file_name(path.name).timeframe_ms
    )
    phase = _main_phase(first.spill, timeframe_ms)
    figures = SeriesFigures(timeframe_ms)
    duplicates = 0
    for rows in first.spill.in_order():
        kept, repeated, refused = _sorted_out(rows, timeframe_ms, phase)
        figures.add(kept.open_ms + timeframe_ms, kept.values[4])
        duplicates += repeated
        first.refusals.add(refused, len(rows) - len(kept) - repeated)
    first.refusals.check(first.rows, figures.bars)

    def pieces() -> Iterator[Candles]:
        for rows in first.spill.in_order():
            kept = _sorted_out(rows, timeframe_ms, phase)[0]
            if len(kept):
                opened, high, low, close, volume = kept.values
                yield Candles(
                    instrument.symbol, timeframe_ms, kept.open_ms + timeframe_ms,
                    opened, high, low, close, volume,
                )  # fmt: skip

    report = QualityReport(
        rows=first.rows,
        bars=figures.bars,
        timeframe_ms=timeframe_ms,
        first_close_ms=figures.first_ms,
        last_close_ms=figures.last_ms,
        gaps=figures.gaps.count,
        missing_bars=figures.gaps.missing_bars,
        longest_gap_bars=figures.gaps.longest_bars,
        longest_gap_after_ms=figures.gaps.longest_after_ms,
        duplicates=duplicates,
        out_of_order=first.out_of_order,
        zero_volume=figures.zero_volume,
        refused=first.refusals.count,
        notes=(*first.notes, *notes, *volume_notes(figures.zero_volume, figures.bars)),
    )
    return LongReading(pieces, instrument, report, first.dialect, first.refusals.kept)


def _infer_timeframe(spill: Spill) -> int | None:
    """The step that explains more than half of all steps, taken from the first rows; None for none."""
    candidate, steps, hits = None, 0, 0
    last: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for times in spill.times_in_order():
        joined = np.concatenate((last, times))
        found: NDArray[np.int64] = joined[1:] - joined[:-1]
        candidate = infer_timeframe(found) if candidate is None else candidate
        steps += int(found.size)
        hits += int(np.count_nonzero(found == candidate)) if candidate is not None else 0
        last = times[-1:]
    return candidate if 2 * hits > steps else None


def _main_phase(spill: Spill, timeframe_ms: int) -> int:
    """Where in a timeframe most bars begin."""
    phases: Counter[int] = Counter()
    for times in spill.times_in_order():
        of_rows = times % timeframe_ms
        if bool(np.all(of_rows == of_rows[0])):
            phases[int(of_rows[0])] += int(of_rows.size)
            continue
        values, counts = np.unique(of_rows, return_counts=True)
        phases.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return min(phases, key=lambda phase: (-phases[phase], phase))


def _sorted_out(
    rows: SpilledRows, timeframe_ms: int, phase: int
) -> tuple[SpilledRows, int, list[QuarantineRow]]:
    """The bars among rows in order, how many repeat another one, and the first of those left out."""
    repeats = np.concatenate(([False], rows.open_ms[1:] == rows.open_ms[:-1]))
    refused: list[QuarantineRow] = []
    duplicates = 0
    if repeats.any():
        first = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(rows))))
        equal = np.all(rows.values == rows.values[:, first], axis=0)
        duplicates = int(np.count_nonzero(repeats & equal))
        refused += _left_out(rows.take(repeats & ~equal), _CONFLICT)
        rows = rows.take(~repeats)
    stray = rows.open_ms % timeframe_ms != phase
    if stray.any():
        reason = f"is not on the {timeframe_text(timeframe_ms)} grid of the other rows"
        refused += _left_out(rows.take(stray), reason)
        rows = rows.take(~stray)
    return rows, duplicates, refused


def _left_out(rows: SpilledRows, reason: str) -> list[QuarantineRow]:
    return [
        QuarantineRow(int(line), "time", reason, ",".join(map(str, [int(time), *values.tolist()])))
        for line, time, values in zip(
            rows.lines[:KEPT_ROWS], rows.open_ms[:KEPT_ROWS], rows.values.T[:KEPT_ROWS], strict=True
        )
    ]
