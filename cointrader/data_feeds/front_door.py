"""The one door for files: each is recognised, asked about where it must be, loaded, and reported.

A file that is refused does not keep the others out. Every file leaves a row that says what became of
it, a refused one its rows in quarantine and an event besides.
"""

from __future__ import annotations

import csv
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cointrader.data_feeds.archives import CLAIMED, FoundFile, find_files, is_archive, unpacked
from cointrader.data_feeds.outcome import ALREADY_THERE, IMPORTED, REFUSED, SKIPPED, FileOutcome
from cointrader.data_feeds.recognise import recognise, why_unknown
from cointrader.data_feeds.scratch import scratch_folder
from cointrader.interop.file_kind import (
    NOTHING_SAID,
    FileKind,
    FileRefused,
    ImportOptions,
    LoadContext,
    LoadReport,
    Progress,
    Question,
    Recognition,
    SourceContent,
    untold,
)
from storage.clock import now_ms
from storage.database import transaction
from storage.events import record_event
from storage.quarantine import QuarantineRow, quarantine
from storage.source_files import (
    DONE,
    SourceFileRow,
    read_before,
    save_source_file,
    source_file_at,
)
from storage.workspace import Workspace

Ask = Callable[[str, Recognition, Question], str]
"""Asks the operator about a file (its name, what it is, the question); '' takes the default."""

_STEPS_A_FILE = 1_000
_SHOWN_ROWS = 100


@dataclass(frozen=True)
class FrontDoor:
    """Where files go in. `ask` is None where there is nobody to ask."""

    workspace: Workspace
    connection: sqlite3.Connection
    options: ImportOptions = NOTHING_SAID
    ask: Ask | None = None
    provenance: str = "import"

    def take(self, paths: Sequence[Path], progress: Progress = untold) -> Iterator[FileOutcome]:
        """Imports files, folders and archives, one outcome a file as they are done.

        Raises StorageError when the workspace cannot be written to, and what `progress` raises.
        """
        found = list(self._found(paths))
        is_alone = len(paths) == 1 and len(found) == 1
        with scratch_folder(self.workspace) as scratch:
            for number, each in enumerate(found):
                part = _part(progress, number, len(found))
                if isinstance(each, FileOutcome):
                    yield each
                else:
                    yield from self._take(each, scratch, part, is_alone=is_alone)
        progress(_STEPS_A_FILE * len(found), _STEPS_A_FILE * len(found), f"{len(found):,} files")

    def _found(self, paths: Sequence[Path]) -> Iterator[FoundFile | FileOutcome]:
        for path in paths:
            try:
                yield from find_files(path, self.workspace)
            except FileRefused as error:
                yield self._refused(FoundFile(path, str(path), is_named=True), None, "", error)

    def _take(
        self, found: FoundFile, scratch: Path, progress: Progress, *, is_alone: bool
    ) -> Iterator[FileOutcome]:
        if found.note:
            yield FileOutcome(found.name, SKIPPED, text=found.note)
            return
        recognition, sha256 = None, ""
        try:
            known = _known(found)
            if known is None and is_archive(found.path):
                for member in unpacked(found, scratch):
                    yield from self._take(member, scratch, progress, is_alone=False)
                return
            if known is None:
                yield self._unknown(found)
                return
            reader, recognition = known
            progress(0, 1, f"{found.path.name}: {recognition.kind}")
            # A reader that looks for itself what is new hashes what it reads; once is enough.
            sha256 = "" if reader.knows_its_own else SourceContent(found.path).sha256()
            yield self._load(found, reader, recognition, sha256, progress, is_alone=is_alone)
        except FileRefused as error:
            yield self._refused(found, recognition, sha256 or _hash_of(found.path), error)
        except (OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
            damaged = FileRefused(found.name, 0, "file", f"cannot be read: {_words(error)}")
            yield self._refused(found, recognition, sha256 or _hash_of(found.path), damaged)

    def _load(
        self,
        found: FoundFile,
        reader: FileKind,
        recognition: Recognition,
        sha256: str,
        progress: Progress,
        *,
        is_alone: bool,
    ) -> FileOutcome:
        before = read_before(self.connection, sha256, recognition.kind) if sha256 else None
        if before is not None:
            text = f"{found.path.name}: nothing new, these bytes were imported before as {before.path}"
            return FileOutcome(
                found.name, ALREADY_THERE, before.kind, before.symbol, before.rows, None,
                before.refused, before.quarantined, recognition.why, text,
            )  # fmt: skip
        options, notes = self._answers(found, recognition, is_alone=is_alone)
        context = LoadContext(
            workspace=self.workspace,
            connection=self.connection,
            recognition=recognition,
            name=found.name,
            options=options,
            progress=progress,
            provenance=self.provenance,
        )
        report = reader.load(found.path, context)
        if report.source_file_id == 0:
            sha256 = sha256 or report.sha256 or SourceContent(found.path).sha256()
            with transaction(self.connection):
                save_source_file(self.connection, self._row(found, report.kind, sha256, report))
        return FileOutcome(
            path=found.name,
            state=ALREADY_THERE if report.already_there else IMPORTED,
            kind=report.kind,
            symbol=report.symbol,
            rows=report.rows,
            gaps=report.gaps,
            refused=report.refused,
            quarantined=report.quarantined,
            why=recognition.why,
            text=report.text,
            notes=(*notes, *report.notes),
            refused_rows=report.refused_rows[:_SHOWN_ROWS],
            details=report.details,
        )

    def _answers(
        self, found: FoundFile, recognition: Recognition, *, is_alone: bool
    ) -> tuple[ImportOptions, tuple[str, ...]]:
        """What the operator said of this file; of several files a symbol answers only open questions."""
        said = self.options if is_alone else ImportOptions(zone=self.options.zone)
        notes = []
        for question in recognition.questions:
            if said.answer(question.option) is not None:
                continue
            answer = self.options.answer(question.option) or ""
            if not answer and self.ask is not None:
                answer = self.ask(found.name, recognition, question)
            elif not answer and question.default:
                notes.append(
                    f"nothing says the {question.option}; taken as {question.default}, "
                    f"--{question.option} says otherwise"
                )
            answer = answer or question.default
            if not answer:
                reason = (
                    f"neither the file nor its name says it; "
                    f"name it with --{question.option} {question.example}".rstrip()
                )
                raise FileRefused(found.name, 0, question.option, reason)
            said = replace(said, **{question.option: answer})
        return said, tuple(notes)

    def _unknown(self, found: FoundFile) -> FileOutcome:
        """A file that no reader knows: refused when it claims to be data, else skipped."""
        head = SourceContent(found.path).head()
        reason = why_unknown(head, found.path.name)
        if found.is_named or found.ending in CLAIMED or not head.strip():
            raise FileRefused(found.name, 1, "file", reason)
        return FileOutcome(found.name, SKIPPED, text=reason)

    def _refused(
        self, found: FoundFile, recognition: Recognition | None, sha256: str, error: FileRefused
    ) -> FileOutcome:
        kind, symbol = (recognition.kind, recognition.symbol) if recognition else ("", "")
        rows = error.refused or (QuarantineRow(error.line, error.field, error.reason, ""),)
        text = f"refused: {found.name}{f':{error.line}' if error.line else ''}: {error.field}: {error.reason}"
        with transaction(self.connection):
            if not error.is_recorded:
                quarantine(self.connection, found.path.name, sha256, rows)
                record_event(
                    self.connection, "import", text, severity="error", subject=found.path.name,
                    data={"line": error.line, "field": error.field, "reason": error.reason},
                )  # fmt: skip
            row = self._row(found, kind, sha256, LoadReport(kind, 0, text, symbol))
            row = replace(row, state=REFUSED, refused=len(rows), quarantined=len(rows), note=error.reason)
            save_source_file(self.connection, row)
        return FileOutcome(
            path=found.name,
            state=REFUSED,
            kind=kind,
            symbol=symbol,
            why=recognition.why if recognition else "",
            refused=len(rows),
            quarantined=len(rows),
            text=text,
            line=error.line,
            field=error.field,
            reason=error.reason,
            refused_rows=rows[:_SHOWN_ROWS],
        )

    def _row(self, found: FoundFile, kind: str, sha256: str, report: LoadReport) -> SourceFileRow:
        """The row of a file that was read whole, in place of that of an earlier reading of its path."""
        before = source_file_at(self.connection, found.name)
        size = found.path.stat().st_size if found.path.exists() else 0
        return SourceFileRow(
            id=before.id if before and before.state != "tailing" else 0,
            path=found.name,
            kind=kind,
            state=DONE,
            first_seen_ms=before.first_seen_ms if before else now_ms(),
            updated_ms=now_ms(),
            symbol=report.symbol,
            sha256=sha256,
            offset=size,
            size=size,
            rows=report.rows,
            refused=report.refused,
            quarantined=report.quarantined,
            note=" ".join(f"{note}." for note in report.notes),
        )


def _hash_of(path: Path) -> str:
    """SHA-256 of a file, '' for one that cannot be read."""
    try:
        return SourceContent(path).sha256()
    except OSError:
        return ""


def _known(found: FoundFile) -> tuple[FileKind, Recognition] | None:
    return recognise(SourceContent(found.path).head(), found.path.name)


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _part(progress: Progress, number: int, count: int) -> Progress:
    """The progress of one file as a part of that of all of them."""

    def tell(done: int, total: int, message: str) -> None:
        inside = _STEPS_A_FILE * done // total if total else 0
        progress(_STEPS_A_FILE * number + inside, _STEPS_A_FILE * count, message)

    return tell
