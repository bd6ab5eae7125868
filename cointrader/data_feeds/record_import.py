"""Records of one file into the workspace: all of them or none, however large the file is.

A reader gives records and rows that cannot be used; records are checked, laid aside, and moved into the
database in one transaction with the file's own row, its quarantine and an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cointrader.data_feeds.records.normalising import checked_record, make_record
from cointrader.data_feeds.records.validation import RecordRefused
from cointrader.data_feeds.scratch import scratch_folder
from cointrader.interop.file_kind import FileRefused, LoadContext, LoadReport, SourceContent
from storage.clock import now_ms
from storage.database import transaction
from storage.events import record_event
from storage.feed_records import COLUMNS, FeedRecord, append_records, column_values
from storage.quarantine import QuarantineRow, quarantine
from storage.source_files import DONE, SourceFileRow, save_source_file, source_file_at
from storage.staging import Staging, staged_rows

BATCH = 2_000
MOST_QUARANTINED = 10_000
SHOWN_RAW = 500


class Sink(Protocol):
    """What a reader of records talks to."""

    def next_row(self) -> int:
        """Counts a row of the file, as it is read; returns how many there were."""
        ...

    def add(
        self, type: str, data: Mapping[str, Any], *, line: int = 0, raw: str = "", is_checked: bool = False
    ) -> bool:
        """Keeps a record, or refuses the row it came from; says which.

        A record that the reader has cleaned and checked itself need not be again.
        """
        ...

    def refuse(self, line: int, field: str, reason: str, raw: str | bytes) -> None:
        """A row that cannot be used."""
        ...


@dataclass
class RecordSink:
    """Takes what a reader finds in a file. `rows` are those of the file that were looked at.

    `refused` counts rows that could not be used; the first `MOST_QUARANTINED` of them are kept.
    """

    staging: Staging
    provenance: str
    source: str
    rows: int = 0
    refused: int = 0
    types: Counter[str] = field(default_factory=Counter)
    kept: list[QuarantineRow] = field(default_factory=list)
    _received_ms: int = field(default_factory=now_ms)
    _batch: list[tuple[object, ...]] = field(default_factory=list)

    def next_row(self) -> int:
        self.rows += 1
        return self.rows

    def add(
        self, type: str, data: Mapping[str, Any], *, line: int = 0, raw: str = "", is_checked: bool = False
    ) -> bool:
        named = {**data, "type": type}
        try:
            make = checked_record if is_checked else make_record
            record = make(named, provenance=self.provenance, source=self.source)
        except RecordRefused as error:
            self.refuse(line, error.field, error.reason, raw)
            return False
        self._batch.append(column_values(record, self._received_ms))
        self.types[type] += 1
        if len(self._batch) >= BATCH:
            self.flush()
        return True

    def refuse(self, line: int, field: str, reason: str, raw: str | bytes) -> None:
        self.refused += 1
        if len(self.kept) < MOST_QUARANTINED:
            text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
            self.kept.append(QuarantineRow(line, field, reason, text.strip()[:SHOWN_RAW]))

    def flush(self) -> None:
        """Lays aside what still waits."""
        if self._batch:
            self.staging.add(self._batch)
            self._batch.clear()


@dataclass(frozen=True)
class FileRecords:
    """What a reader says of a file it has read to its end.

    `text` is what was found, in words; `gaps` are places where something is missing. `more` are further
    records, made of the whole. `keep_rows_of` is the id of a file whose rows these are added to.
    """

    text: str
    symbol: str = ""
    gaps: int = 0
    notes: Sequence[str] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    more: Callable[[int], Sequence[FeedRecord]] = lambda source_file_id: ()
    same_file: SourceFileRow | None = None


def load_records(
    path: Path, context: LoadContext, source: str, read: Callable[[Sink], FileRecords]
) -> LoadReport:
    """Reads a file with `read` and keeps its records.

    Raises FileRefused when the reader does, and when more than half of the rows cannot be used.
    """
    connection = context.connection
    with (
        scratch_folder(context.workspace) as scratch,
        staged_rows(connection, scratch, "feed_record", COLUMNS) as staging,
    ):
        sink = RecordSink(staging, context.provenance, source)
        found = read(sink)
        sink.flush()
        _refuse_when_useless(path, sink)
        with transaction(connection):
            source_file_id = save_source_file(connection, _file_row(path, context, sink, found))
            stored = staging.move(source_file_id=source_file_id)
            stored += append_records(connection, found.more(source_file_id))
            quarantined = quarantine(connection, path.name, SourceContent(path).sha256(), sink.kept)
            text = f"{path.name}: {found.text}"
            if sink.refused:
                text += f", {sink.refused:,} rows refused"
            record_event(
                connection,
                "import",
                text,
                severity="warning" if sink.refused or found.gaps else "info",
                subject=found.symbol or path.name,
                data={"records": stored, "rows": sink.rows, "refused": sink.refused},
            )
    return LoadReport(
        kind=context.recognition.kind,
        rows=sink.rows,
        text=text,
        symbol=found.symbol,
        gaps=found.gaps,
        refused=sink.refused,
        quarantined=quarantined,
        notes=tuple(found.notes),
        details={"records": dict(sorted(sink.types.items())), **found.details},
        source_file_id=source_file_id,
        refused_rows=tuple(sink.kept),
    )


def _refuse_when_useless(path: Path, sink: RecordSink) -> None:
    if sink.rows == 0:
        raise FileRefused(path, 1, "file", "holds no row")
    if sink.refused * 2 > sink.rows:
        first = sink.kept[0]
        reason = f"{sink.refused:,} of {sink.rows:,} rows cannot be used; the first: {first.reason}"
        raise FileRefused(path, first.line, first.field, reason, refused=sink.kept)


def _file_row(path: Path, context: LoadContext, sink: RecordSink, found: FileRecords) -> SourceFileRow:
    before = found.same_file or source_file_at(context.connection, context.name)
    size = path.stat().st_size
    return SourceFileRow(
        id=before.id if before and before.state != "tailing" else 0,
        path=before.path if found.same_file and before else context.name,
        kind=context.recognition.kind,
        state=DONE,
        first_seen_ms=before.first_seen_ms if before else now_ms(),
        updated_ms=now_ms(),
        symbol=found.symbol,
        sha256=SourceContent(path).sha256(),
        offset=size,
        line=sink.rows,
        size=size,
        rows=sink.rows,
        refused=sink.refused,
        quarantined=len(sink.kept),
        note=" ".join(f"{note}." for note in found.notes),
    )
