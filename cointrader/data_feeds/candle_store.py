"""A file of candles that was accepted becomes part of the series of its symbol and timeframe.

The Parquet file is written first, under a name that carries its hash; one transaction then makes it the
series, with the refused rows and an event. A crash between the two leaves a file that nobody reads and
that the next import replaces. Both series pass through memory piece by piece.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cointrader.data_feeds.candle_merge import merge_pieces
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import Instrument
from cointrader.data_feeds.quality import QualityReport, SeriesFigures
from storage.candle_gaps import replace_gaps
from storage.candles import (
    CandleFileRow,
    Candles,
    CandlesDamaged,
    CandlesMissing,
    SeriesWriter,
    candle_record,
    read_pieces,
    save_candle_record,
    save_instrument,
    timeframe_text,
)
from storage.candles.records import venue_of
from storage.clock import now_ms
from storage.database import transaction
from storage.events import record_event
from storage.quarantine import QuarantineRow, quarantine
from storage.workspace import Workspace


@dataclass(frozen=True)
class ImportResult:
    """What an import did. `bars` are those of the file, `bars_stored` those of the series after it.

    `bars_added` were new; `conflicts` were there already with other values, which were kept.
    `already_there` says that nothing was new and the series was not touched. `overlap` is a sentence
    that says which bars win where the file and the series have the same ones, and why.
    """

    source_name: str
    source_sha256: str
    dialect: str
    symbol: str
    venue: str
    timeframe_ms: int
    bars: int
    bars_added: int
    bars_stored: int
    conflicts: int
    already_there: bool
    report: QualityReport
    refused: tuple[QuarantineRow, ...]
    overlap: str = ""

    @property
    def text(self) -> str:
        """One sentence for the operator."""
        series = f"{self.symbol} {timeframe_text(self.timeframe_ms)}"
        if self.already_there:
            known = f"{self.source_name}: nothing new, all {self.bars:,} bars of {series} are already there"
            other = f"; {self.conflicts:,} have other values in this file, the stored ones were kept"
            return known + (other if self.conflicts else "")
        parts = [f"{self.bars_added:,} bars of {series}", f"{self.report.gaps:,} gaps"]
        if self.bars_added < self.bars:
            parts.append(f"{self.bars - self.bars_added:,} were there already")
        counts = {
            "had other values, which were kept": self.conflicts,
            "rows refused": self.report.refused,
            "repeated rows dropped": self.report.duplicates,
            "rows out of order sorted": self.report.out_of_order,
        }
        parts += [f"{count:,} {words}" for words, count in counts.items() if count]
        return f"{self.source_name}: {', '.join(parts)}"


class Reading(Protocol):
    """A file that was accepted, whether its series is in memory or comes from a scratch folder."""

    @property
    def instrument(self) -> Instrument: ...
    @property
    def report(self) -> QualityReport: ...
    @property
    def dialect(self) -> str: ...
    @property
    def refused(self) -> tuple[QuarantineRow, ...]: ...
    def pieces(self) -> Iterator[Candles]:
        """The series in order of time, as often as it is asked for."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A file that was read, on its way into the workspace."""

    path: Path
    sha256: str
    reading: Reading
    provenance: str

    @property
    def symbol(self) -> str:
        return self.reading.instrument.symbol

    @property
    def timeframe_ms(self) -> int:
        return self.reading.report.timeframe_ms


@dataclass(frozen=True)
class _Merged:
    """The series after an import: its figures, its file, and what was new; `file` is None if nothing was."""

    figures: SeriesFigures
    added: int
    conflicts: int
    file: tuple[str, str] | None


class _SeriesChanged(Exception):
    """Another import has changed the series since it was read; the merge must be made again."""


def store_series(workspace: Workspace, connection: sqlite3.Connection, arrival: Arrival) -> ImportResult:
    """Merges what arrived into its series. Raises CandleFileError where the two do not fit together."""
    while True:
        try:
            return _store(workspace, connection, arrival)
        except _SeriesChanged:
            continue


def _store(workspace: Workspace, connection: sqlite3.Connection, arrival: Arrival) -> ImportResult:
    before = candle_record(connection, arrival.symbol, arrival.timeframe_ms)
    if before is not None:
        _refuse_mixing(connection, before, arrival)
    merged, note = _merge(workspace, before, arrival)
    result = _result(arrival, merged, _overlap(arrival, merged, before))
    with transaction(connection):
        if candle_record(connection, arrival.symbol, arrival.timeframe_ms) != before:
            raise _SeriesChanged
        if merged.file is not None:
            instrument_id = before.instrument_id if before else _new_instrument(connection, arrival)
            row = _row(arrival, merged, before, instrument_id, merged.file)
            replace_gaps(connection, save_candle_record(connection, row), merged.figures.missing)
        quarantine(connection, arrival.path.name, arrival.sha256, arrival.reading.refused)
        record_event(
            connection,
            "import",
            f"{result.text}{note}",
            severity="warning" if note or result.report.refused or result.conflicts else "info",
            subject=arrival.symbol,
            data={"source_sha256": arrival.sha256, "bars": result.bars, "added": merged.added},
        )
    if before is not None and merged.file is not None and before.path != merged.file[0]:
        (workspace.root / before.path).unlink(missing_ok=True)
    return result


def _merge(workspace: Workspace, before: CandleFileRow | None, arrival: Arrival) -> tuple[_Merged, str]:
    """The series after the import, and a note when the stored one could not be used."""
    kept: Iterator[Candles] = iter(())
    note = ""
    if before is not None:
        try:
            kept = read_pieces(workspace, before)
            _refuse_other_grid(before, arrival)
        except (CandlesMissing, CandlesDamaged) as error:
            note = f". The stored series was unusable and is replaced: {error}"
    figures, added, conflicts = SeriesFigures(arrival.timeframe_ms), 0, 0
    with SeriesWriter(workspace, arrival.symbol, arrival.timeframe_ms) as writer:
        for merge in merge_pieces(kept, arrival.reading.pieces()):
            figures.add(merge.candles.close_ms, merge.candles.volume)
            added, conflicts = added + merge.added, conflicts + merge.conflicts
            writer.add(merge.candles)
        return _Merged(figures, added, conflicts, writer.finish() if added else None), note


def _refuse_other_grid(before: CandleFileRow, arrival: Arrival) -> None:
    report = arrival.reading.report
    if (report.first_close_ms - before.first_close_ms) % before.timeframe_ms:
        series = f"{timeframe_text(before.timeframe_ms)} bars of {before.symbol}"
        reason = f"does not fit the {series} here: its bars close between those that are kept"
        raise CandleFileError(arrival.path, 0, "time", reason)


def _refuse_mixing(connection: sqlite3.Connection, before: CandleFileRow, arrival: Arrival) -> None:
    """Bars of two venues, or made-up ones among real ones, never become one series."""
    series = f"{before.symbol} {timeframe_text(before.timeframe_ms)}"
    kept_venue, venue = venue_of(connection, before.instrument_id), arrival.reading.instrument.venue
    if kept_venue and venue and kept_venue != venue:
        reason = f"{series} is kept from {kept_venue} and this file is from {venue}; use another workspace"
        raise CandleFileError(arrival.path, 0, "symbol", reason)
    if before.provenance != arrival.provenance:
        reason = f"{series} is kept as {before.provenance!r} and this file is {arrival.provenance!r}"
        raise CandleFileError(arrival.path, 0, "provenance", f"{reason}; use another workspace")


def _overlap(arrival: Arrival, merge: _Merged, before: CandleFileRow | None) -> str:
    shared = arrival.reading.report.bars - merge.added
    if before is None or shared == 0 or before.source_sha256 == arrival.sha256:
        return ""
    differing = f"{merge.conflicts:,} of them differ" if merge.conflicts else "all agree"
    return (
        f"{shared:,} bars are in {before.source_name} too, which was imported before, and {differing}: "
        f"the bars that came first win, because tests and trainings may rest on them"
    )


def _result(arrival: Arrival, merge: _Merged, overlap: str) -> ImportResult:
    reading = arrival.reading
    return ImportResult(
        source_name=arrival.path.name,
        source_sha256=arrival.sha256,
        dialect=reading.dialect,
        symbol=arrival.symbol,
        venue=reading.instrument.venue,
        timeframe_ms=arrival.timeframe_ms,
        bars=reading.report.bars,
        bars_added=merge.added,
        bars_stored=merge.figures.bars,
        conflicts=merge.conflicts,
        already_there=merge.added == 0,
        report=reading.report,
        refused=reading.refused,
        overlap=overlap,
    )


def _new_instrument(connection: sqlite3.Connection, arrival: Arrival) -> int:
    traded = arrival.reading.instrument
    return save_instrument(
        connection,
        base=traded.base,
        quote=traded.quote,
        venue=traded.venue,
        symbol=traded.symbol,
        first_seen_ms=arrival.reading.report.first_close_ms,
    )


def _row(
    arrival: Arrival,
    merged: _Merged,
    before: CandleFileRow | None,
    instrument_id: int,
    stored: tuple[str, str],
) -> CandleFileRow:
    figures, report = merged.figures, arrival.reading.report
    return CandleFileRow(
        id=before.id if before else 0,
        instrument_id=instrument_id,
        symbol=arrival.symbol,
        timeframe_ms=arrival.timeframe_ms,
        path=stored[0],
        sha256=stored[1],
        source_name=arrival.path.name,
        source_sha256=arrival.sha256,
        dialect=arrival.reading.dialect,
        first_close_ms=figures.first_ms,
        last_close_ms=figures.last_ms,
        bars=figures.bars,
        gaps=figures.gaps.count,
        missing_bars=figures.gaps.missing_bars,
        duplicates=report.duplicates + (before.duplicates if before else 0),
        refused=report.refused + (before.refused if before else 0),
        zero_volume=figures.zero_volume,
        provenance=arrival.provenance,
        imported_ms=now_ms(),
    )
