"""What a chain is told with: stations, and lines made of chunks that stay together when a line is long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean

Part = tuple[str, str]
"""Text and style."""

Chunk = tuple[Part, ...]
"""Parts that stay together."""

LABEL = "$quiet"
VALUE = "$foreground"
NAME_WIDTH = 10
INDENT = NAME_WIDTH + 3


@dataclass(frozen=True)
class Stage:
    """One station of the chain: its name, whether it was reached, and its lines.

    A line is made of chunks, a chunk of parts that stay together when the line is too long.
    """

    name: str
    reached: bool
    lines: tuple[tuple[Chunk, ...], ...]


def joined(chunks: Sequence[Chunk]) -> list[Part]:
    """Chunks as the parts of one line, two cells between them."""
    parts: list[Part] = []
    for number, chunk in enumerate(chunks):
        parts += [("  ", "")] if number else []
        parts += chunk
    return parts


def _broken(chunks: Sequence[Chunk], width: int) -> Iterator[Chunk]:
    """Chunks of which a sentence that is longer than a row is broken between words."""
    for chunk in chunks:
        if len(chunk) == 1 and len(chunk[0][0]) > width:
            yield from (plain(line, chunk[0][1]) for line in wrap(chunk[0][0], max(10, width)))
        else:
            yield chunk


def filled(chunks: Sequence[Chunk], width: int) -> list[list[Part]]:
    """Chunks filled into rows of at most `width` cells; one that is longer has a row of its own."""
    rows: list[list[Chunk]] = [[]]
    used = 0
    for chunk in _broken(chunks, width):
        length = sum(len(text) for text, _ in chunk)
        if rows[-1] and used + 2 + length > width:
            rows.append([])
            used = 0
        used += length + (2 if rows[-1] else 0)
        rows[-1].append(chunk)
    return [joined(row) for row in rows]


def result(value: float, symbols: Symbols, *, decimals: int = 2) -> Part:
    """A result with sign, arrow and colour."""
    text = f"{value:+,.{decimals}f}"
    if value > 0:
        return f"{text} {symbols.up}", "$gain"
    if value < 0:
        return f"{text} {symbols.down}", "$loss"
    return text, LABEL


def side(name: str) -> Part:
    """LONG or SHORT, BUY or SELL."""
    return name.upper(), "bold $long" if name in {"long", "buy"} else "bold $short"


def fraction(value: float) -> Part:
    """A return as a percentage with its sign."""
    return f"{value:+.2%}", "$gain" if value > 0 else "$loss" if value < 0 else LABEL


def pairs(values: Mapping[str, float], symbols: Symbols) -> tuple[Chunk, ...]:
    """Names with results of three decimals."""
    return tuple(((f"{clean(name, symbols)} ", LABEL), signed(value)) for name, value in values.items())


def signed(value: float) -> Part:
    """A result of three decimals with its sign."""
    return f"{value:+.3f}", "$gain" if value > 0 else "$loss" if value < 0 else LABEL


def labelled(*pairs: tuple[str, Part | str]) -> tuple[Chunk, ...]:
    """Labels with their values."""
    return tuple(
        ((f"{label} ", LABEL), (value, VALUE) if isinstance(value, str) else value) for label, value in pairs
    )


def plain(text: str, style: str = VALUE) -> Chunk:
    """One text; where it is longer than a row it is broken between words."""
    return ((text, style),)
