"""What a file is: every reader is asked in turn, the most particular first; the first that knows it has it.

A new kind of file is one module with its `KINDS` and one line here. Modules are loaded when a file is
to be recognised, so that listing them costs nothing.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import import_module

from cointrader.interop.file_kind import (
    FileKind,
    FileRefused,
    ImportOptions,
    LoadContext,
    LoadReport,
    Progress,
    Question,
    Recognition,
    SourceContent,
)

__all__ = [
    "FileKind",
    "FileRefused",
    "ImportOptions",
    "LoadContext",
    "LoadReport",
    "Progress",
    "Question",
    "Recognition",
    "SourceContent",
    "kinds",
    "recognise",
    "why_unknown",
]

READERS = (
    "cointrader.histories.kinds",
    "cointrader.histories.bot_kinds",
    "cointrader.data_feeds.order_book.kinds",
    "cointrader.data_feeds.trade_tape",
    "cointrader.data_feeds.news",
    # Candles last: their text files have the fewest marks of their own.
    "cointrader.data_feeds.candle_kinds",
)
"""Modules that each have KINDS, a tuple of FileKind."""


@cache
def kinds() -> tuple[FileKind, ...]:
    """Every reader, in the order in which they are asked."""
    return tuple(kind for module in READERS for kind in import_module(module).KINDS)


def recognise(head: bytes, name: str) -> tuple[FileKind, Recognition] | None:
    """The reader of a file and what it says of it; None when no reader knows it.

    `head` are the first 64 KiB of the content, unpacked; `name` is the file's name without folders.
    """
    for kind in kinds():
        try:
            found = kind.recognise(head, name)
        except (csv.Error, UnicodeError):
            continue  # a beginning that it cannot even split into fields is none of its files'
        if found is not None:
            return kind, found
    return None


_MAGICS = (
    (b"SQLite format 3\x00", "a SQLite database of no program that is known"),
    (b"PAR1", "a Parquet table of no known kind"),
    (b"ARROW1", "an Arrow table of no known kind"),
    (b"FEA1", "a Feather table of no known kind"),
    (b"PK\x03\x04", "a zip archive inside another one; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"),
    (b"BZh", "compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "compressed with xz; unpack it first"),
    (b"\x80\x04\x95", "a Python pickle, which is never loaded: it could run anything"),
)
_CLAIMS = (
    ("sqlite", "a SQLite database"),
    ("db", "a database"),
    ("feather", "a Feather table"),
    ("parquet", "a Parquet table"),
    ("json", "JSON"),
    ("csv", "a CSV file"),
    ("gz", "gzip"),
    ("zip", "a zip archive"),
)


def why_unknown(head: bytes, name: str) -> str:
    """One sentence for a file that no reader knows: what it seems to be, and what its name claims."""
    return f"{_seems(head)}{_claimed(head, name)}"


def _seems(head: bytes) -> str:
    if not head.strip():
        return "is empty" if not head else "has only blank lines"
    for magic, words in _MAGICS:
        if head.startswith(magic):
            return f"is {words}"
    start = head[:1024].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "is an HTML page (a download that failed often saves one)"
    if start.startswith(b"<?xml"):
        return "is an XML document"
    if b"\0" in head:
        return "is binary data of no known kind"
    if start.startswith((b"{", b"[")):
        return "is JSON of no known kind"
    line = head.splitlines()[0].decode("utf-8", "replace").strip()
    return f"is text of no known kind; its first line reads: {line[:120]}"


def _claimed(head: bytes, name: str) -> str:
    suffix = re.sub(r"\.gz$", "", name.lower()).rpartition(".")[2]
    claimed = next((words for ending, words in _CLAIMS if suffix.startswith(ending)), "")
    if not claimed or not head.strip() or _seems(head).startswith(f"is {claimed}"):
        return ""
    return "" if "no known kind" in _seems(head) else f", not {claimed} as its name says"
