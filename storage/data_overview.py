"""What there is of data: the series with their gaps, the files that were read, the imports that run."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.candle_gaps import Gap, coverage, longest_gaps
from storage.jobs import CLAIMABLE, ENDED, RUNNING, JobRow, WorkerRow, list_jobs, live_workers
from storage.source_files import SourceFileRow, list_source_files

IMPORT = "import"
"""The kind of a job that imports files."""

COUNTED_ROWS = 100_000
"""More rows in quarantine than this are not counted: the exact number would cost more than it says."""


@dataclass(frozen=True)
class SeriesRow:
    """A symbol in a timeframe. Times are closes in UTC milliseconds.

    `gaps` are places where bars are missing, `missing_bars` how many in all. `duplicates` and `refused` add
    up over all imports of the series; `source_name` and `dialect` are those of the newest.
    """

    id: int
    symbol: str
    venue: str
    timeframe_ms: int
    bars: int
    first_close_ms: int
    last_close_ms: int
    gaps: int
    missing_bars: int
    duplicates: int
    refused: int
    zero_volume: int
    source_name: str
    dialect: str
    provenance: str
    imported_ms: int
    path: str
    rev: int

    @property
    def share(self) -> float:
        """The bars that are there, of those between the first and the last; 0 to 1."""
        wanted = self.bars + self.missing_bars
        return self.bars / wanted if wanted else 0.0


Strip = tuple[float, ...]
"""How full each part of a series is, 0 to 1."""

StripKey = tuple[int, int, int]
"""The id and the revision of a series, and the number of parts."""


@dataclass(frozen=True)
class DataOverview:
    """The data of a workspace. `files` are the ones that changed last; `quarantined` stops at COUNTED_ROWS.

    `imports` are the jobs that run or wait, `last_import` the newest that has ended.
    """

    series: tuple[SeriesRow, ...]
    strips: Mapping[StripKey, Strip]
    instruments: int
    files: tuple[SourceFileRow, ...]
    file_counts: Mapping[str, int]
    quarantined: int
    imports: tuple[JobRow, ...]
    last_import: JobRow | None
    workers: tuple[WorkerRow, ...]


_SERIES = (
    "SELECT f.id, f.symbol, i.venue, f.timeframe_ms, f.bars, f.first_close_ms, f.last_close_ms, f.gaps, "
    "f.missing_bars, f.duplicates, f.refused, f.zero_volume, f.source_name, f.dialect, f.provenance, "
    "f.imported_ms, f.path, f.rev FROM candle_file f JOIN instrument i ON i.id = f.instrument_id "
    "ORDER BY f.symbol, f.timeframe_ms, f.id"
)


def stored_series(connection: sqlite3.Connection) -> tuple[SeriesRow, ...]:
    """Every series, by symbol and timeframe."""
    return tuple(SeriesRow(*row) for row in connection.execute(_SERIES).fetchall())


def data_overview(
    connection: sqlite3.Connection,
    *,
    columns: int,
    files: int = 50,
    known: Mapping[StripKey, Strip] | None = None,
) -> DataOverview:
    """Reads all of it. `columns` are the parts of a strip; strips that are `known` are not made again."""
    series = stored_series(connection)
    ended = list_jobs(connection, states=ENDED, kind=IMPORT, limit=1)
    under_way = list_jobs(connection, states=(RUNNING, *CLAIMABLE), kind=IMPORT)
    counted = "SELECT count(*) FROM (SELECT 1 FROM quarantine LIMIT ?)"
    states = "SELECT state, count(*) FROM source_file GROUP BY state"
    return DataOverview(
        series=series,
        strips=_strips(connection, series, columns, known or {}),
        instruments=int(connection.execute("SELECT count(*) FROM instrument").fetchall()[0][0]),
        files=tuple(list_source_files(connection, limit=files)),
        file_counts=dict(connection.execute(states).fetchall()),
        quarantined=int(connection.execute(counted, (COUNTED_ROWS,)).fetchall()[0][0]),
        imports=tuple(reversed(under_way)),
        last_import=ended[0] if ended else None,
        workers=tuple(live_workers(connection)),
    )


def _strips(
    connection: sqlite3.Connection,
    series: Sequence[SeriesRow],
    columns: int,
    known: Mapping[StripKey, Strip],
) -> dict[StripKey, Strip]:
    strips = {}
    for row in series:
        place = row.id, row.rev, columns
        strips[place] = known.get(place) or coverage(
            connection, row.id, row.timeframe_ms, row.first_close_ms, row.last_close_ms, columns
        )
    return strips


@dataclass(frozen=True)
class SeriesDetail:
    """A series with its longest gaps. `places` is how many gaps are kept: 0 where nobody noted them."""

    series: SeriesRow
    longest: tuple[Gap, ...]
    places: int


def series_detail(connection: sqlite3.Connection, row: SeriesRow, *, gaps: int = 20) -> SeriesDetail:
    """Where a series has its longest gaps."""
    counted = "SELECT count(*) FROM candle_gap WHERE candle_file_id = ?"
    places = int(connection.execute(counted, (row.id,)).fetchall()[0][0])
    return SeriesDetail(row, longest_gaps(connection, row.id, row.timeframe_ms, gaps), places)
