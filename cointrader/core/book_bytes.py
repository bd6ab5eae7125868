"""A book as bytes, so that a run goes on exactly where it stood: the account, the symbols, the slots in use.

One line of JSON says which fields each part has and how many records; their memory follows. Bytes of another
layout are refused instead of being read as something they are not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cointrader.core.book import ACCOUNT, SYMBOL, Book
from cointrader.trading.position import SLOT

LAYOUTS = {"account": ACCOUNT, "symbols": SYMBOL, "slots": SLOT}


class BookUnreadable(ValueError):
    """Bytes that are not a book of this version; the text says what is wrong."""


def pack_book(book: Book, header: Mapping[str, int]) -> bytes:
    """The parts of a book that outlive a moment, and the numbers in `header`; its outboxes must be empty."""
    active = int(book.account[0]["active"])
    parts = {"account": book.account, "symbols": book.symbols, "slots": book.slots[:active]}
    told = {
        "header": dict(header),
        "parts": [[name, _layout(name), int(records.size)] for name, records in parts.items()],
    }
    return b"\n".join((json.dumps(told).encode(), b"".join(records.tobytes() for records in parts.values())))


def unpack_book(content: bytes, book: Book) -> dict[str, int]:
    """Write packed parts into a fresh book of the same symbols; returns the header.

    Raises BookUnreadable, and then the book is as it was.
    """
    head, _, memory = content.partition(b"\n")
    try:
        told = json.loads(head)
        parts = {name: (layout, int(count)) for name, layout, count in told["parts"]}
        header = {str(name): int(value) for name, value in told["header"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BookUnreadable(f"the kept book has no readable head: {error}") from error
    if {name: layout for name, (layout, _) in parts.items()} != {name: _layout(name) for name in LAYOUTS}:
        raise BookUnreadable("the kept book was written by another version of this program")
    sizes = {name: LAYOUTS[name].itemsize * count for name, (_, count) in parts.items()}
    if sum(sizes.values()) != len(memory):
        raise BookUnreadable(f"the kept book has {len(memory)} bytes instead of {sum(sizes.values())}")
    found: dict[str, Any] = {}
    first = 0
    for name, size in sizes.items():
        found[name] = np.frombuffer(memory[first : first + size], LAYOUTS[name])
        first += size
    if found["symbols"].size != book.symbols.size or found["slots"].size > book.slots.size:
        raise BookUnreadable(f"the kept book is one of {found['symbols'].size} symbols")
    book.account[:], book.symbols[:] = found["account"], found["symbols"]
    book.slots[: found["slots"].size] = found["slots"]
    return header


def _layout(name: str) -> list[list[str]]:
    return [[field, str(LAYOUTS[name][field])] for field in LAYOUTS[name].names or ()]
