"""A series over its time as one line of characters: whole, thinned out, empty.

What is missing differs in shape before it differs in colour, and one missing bar is enough to break the line.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui.phrases import Part
from tui.symbols import Symbols

WHOLE = 1.0 - 1e-9
HALF = 0.5
NOTHING = 1e-9

_UNICODE = "━┅┄·"
_ASCII = "=-.x"
_STYLES = ("$gain", "$warning", "$warning", "bold $loss")


def gap_strip(parts: Sequence[float], symbols: Symbols) -> list[Part]:
    """One character for each part of the time, by how much of it is there (0 to 1)."""
    characters = _ASCII if symbols.name == "ascii" else _UNICODE
    line: list[Part] = []
    for level in map(_level, parts):
        if line and line[-1][1] == _STYLES[level]:
            line[-1] = (line[-1][0] + characters[level], _STYLES[level])
        else:
            line.append((characters[level], _STYLES[level]))
    return line


def legend(symbols: Symbols) -> list[Part]:
    """What the characters mean."""
    characters = _ASCII if symbols.name == "ascii" else _UNICODE
    words = ("whole", "gaps", "mostly gaps", "nothing")
    parts: list[Part] = []
    for character, style, word in zip(characters, _STYLES, words, strict=True):
        parts += [(character * 2, style), (f" {word}  ", "$quiet")]
    return parts


def _level(part: float) -> int:
    if part >= WHOLE:
        return 0
    if part >= HALF:
        return 1
    return 2 if part > NOTHING else 3
