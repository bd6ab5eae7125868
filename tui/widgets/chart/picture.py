"""A grid of characters and of who wrote each: what a chart hands to a widget, or to a test.

Roles are small integers, so a row of them is bytes, and runs of one role are found by one regular
expression. The widget maps a role to a colour; nothing here knows colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

PLAIN, AXIS, LABEL, TITLE, LEVEL, BADGE, CROSSHAIR, UP, DOWN, STOP, TARGET, EMPTY, FOCUSED = range(13)
FIRST_SERIES = 32

_RUNS = re.compile(rb"(?s)(.)\1*")


def series_role(slot: int, *, faint: bool = False) -> int:
    """The role of a curve in a palette slot, or of its faint raw line."""
    return FIRST_SERIES + 2 * slot + faint


class Picture:
    """`width` x `height` characters; everything written outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._characters = [[" "] * width for _ in range(height)]
        self._roles = [bytearray(width) for _ in range(height)]

    def copy(self) -> Picture:
        """Another picture with the same characters."""
        other = Picture(0, 0)
        other.width, other.height = self.width, self.height
        other._characters = [row.copy() for row in self._characters]
        other._roles = [row.copy() for row in self._roles]
        return other

    def write(self, x: int, y: int, text: str, role: int) -> int:
        """Write text and give the column after it. Characters that are not one cell wide become "?"."""
        if not text.isascii():
            text = "".join(letter if cell_len(letter) == 1 else "?" for letter in text)
        end = x + len(text)
        if 0 <= y < self.height and end > 0 and x < self.width:
            start, stop = max(x, 0), min(end, self.width)
            self._characters[y][start:stop] = text[start - x : stop - x]
            self._roles[y][start:stop] = bytes([role]) * (stop - start)
        return end

    def blit(self, x: int, y: int, glyphs: str, roles: bytes) -> None:
        """Put a canvas row, known to be of single cells, over what is there wherever it has ink."""
        characters, owners = self._characters[y], self._roles[y]
        if not owners[x : x + len(glyphs)].strip(b"\0"):
            characters[x : x + len(glyphs)] = glyphs
            owners[x : x + len(glyphs)] = roles
            return
        for number, glyph in enumerate(glyphs, start=x):
            if glyph != " ":
                characters[number] = glyph
                owners[number] = roles[number - x]

    def is_free(self, x: int, y: int, width: int) -> bool:
        """Whether nothing is written on a stretch of a row."""
        return x >= 0 and x + width <= self.width and not "".join(self._characters[y][x : x + width]).strip()

    def recolour(self, x: int, y: int, role: int) -> None:
        """Give one cell another role, keeping its character."""
        self._roles[y][x] = role

    def role(self, x: int, y: int) -> int:
        """Who wrote one cell."""
        return self._roles[y][x]

    def character(self, x: int, y: int) -> str:
        """The character of one cell."""
        return self._characters[y][x]

    def row(self, y: int) -> Iterator[tuple[str, int]]:
        """The runs of a row as (text, role)."""
        text = "".join(self._characters[y])
        for match in _RUNS.finditer(self._roles[y]):
            yield text[match.start() : match.end()], match.group(1)[0]

    @property
    def lines(self) -> list[str]:
        """The rows as plain text, for tests and for those who do not see colours."""
        return ["".join(row).rstrip() for row in self._characters]
