"""What files would be imported as, shown before anything is stored."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cointrader.data_feeds.archives import FoundFile, find_files, is_archive, unpacked
from cointrader.data_feeds.recognise import recognise, why_unknown
from cointrader.data_feeds.scratch import scratch_folder
from cointrader.interop.file_kind import FileRefused, Question, SourceContent
from storage.workspace import Workspace

_PREVIEW_LINES = 5
_PREVIEW_WIDTH = 160


@dataclass(frozen=True)
class FilePreview:
    """What a file would be imported as: nothing is stored. `kind` is '' when no reader knows it."""

    path: str
    kind: str
    why: str
    symbol: str
    timeframe: str
    questions: tuple[Question, ...]
    lines: tuple[str, ...]


def preview_files(workspace: Workspace, paths: Sequence[Path]) -> Iterator[FilePreview]:
    """Recognises files, folders and archives; the members of these are unpacked for a moment."""
    with scratch_folder(workspace) as scratch:
        for path in paths:
            try:
                for found in find_files(path, workspace):
                    yield from _preview(found, scratch)
            except FileRefused as error:
                yield FilePreview(str(path), "", error.reason, "", "", (), ())


def _preview(found: FoundFile, scratch: Path) -> Iterator[FilePreview]:
    """One file, or the members of an archive."""
    if found.note:
        yield FilePreview(found.name, "", f"skipped: {found.note}", "", "", (), ())
        return
    try:
        known = recognise(SourceContent(found.path).head(), found.path.name)
        if known is None and is_archive(found.path):
            for member in unpacked(found, scratch):
                yield from _preview(member, scratch)
            return
        content = SourceContent(found.path)
        if known is None:
            reason = why_unknown(content.head(), found.path.name)
            yield FilePreview(found.name, "", reason, "", "", (), _first_lines(content.head()))
            return
        reader, recognition = known
        lines = reader.preview(found.path) if reader.preview else _first_lines(content.head())
        yield FilePreview(
            found.name, recognition.kind, recognition.why, recognition.symbol, recognition.timeframe,
            recognition.questions, tuple(lines),
        )  # fmt: skip
    except (FileRefused, OSError, EOFError, zlib.error) as error:
        yield FilePreview(found.name, "", f"cannot be read: {error}", "", "", (), ())


def _first_lines(head: bytes) -> tuple[str, ...]:
    if b"\0" in head:
        return ()
    lines = head.decode("utf-8", "replace").splitlines()[:_PREVIEW_LINES]
    return tuple(line[:_PREVIEW_WIDTH] for line in lines)
