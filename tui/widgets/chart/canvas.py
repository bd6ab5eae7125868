"""A canvas of dots, several to a character cell, kept in two bytearrays: dots and who drew them.

Everything is drawn as vertical runs of dots in one dot column, because that is what the envelope of a
curve is: from its minimum to its maximum within the column. A run touches each cell once.
"""

from __future__ import annotations

from tui.widgets.chart.symbols import SymbolSet


class DotCanvas:
    """`width` x `height` cells of `symbols.across` x `symbols.down` dots; row 0 is at the top."""

    def __init__(self, width: int, height: int, symbols: SymbolSet) -> None:
        self.width = width
        self.height = height
        self.symbols = symbols
        self.columns = width * symbols.across
        self.rows = height * symbols.down
        self._dots = bytearray(width * height)
        self._roles = bytearray(width * height)

    def run(self, column: int, top: int, bottom: int, role: int) -> None:
        """Set the dots of one dot column from row `top` to row `bottom`; what lies outside is cut off."""
        if not 0 <= column < self.columns:
            return
        if top > bottom:
            top, bottom = bottom, top
        if bottom < 0 or top >= self.rows:
            return
        symbols = self.symbols
        down = symbols.down
        first, top_dot = divmod(max(top, 0), down)
        last, bottom_dot = divmod(min(bottom, self.rows - 1), down)
        spans = symbols.spans[column % symbols.across]
        at = first * self.width + column // symbols.across
        dots, roles = self._dots, self._roles
        if first == last:
            dots[at] |= spans[top_dot][bottom_dot]
            roles[at] = role
            return
        dots[at] |= spans[top_dot][down - 1]
        roles[at] = role
        full = spans[0][down - 1]
        for _ in range(last - first - 1):
            at += self.width
            dots[at] |= full
            roles[at] = role
        at += self.width
        dots[at] |= spans[0][bottom_dot]
        roles[at] = role

    def line(self, x0: int, y0: int, x1: int, y1: int, role: int, pattern: int = 0) -> None:
        """A straight line between two dots, one run a column; columns outside the canvas cost nothing.

        `pattern` is a line style, see `inked`.
        """
        if x1 < x0:
            x0, y0, x1, y1 = x1, y1, x0, y0
        length = x1 - x0
        if length == 0:
            self.run(x0, y0, y1, role)
            return
        slope = (y1 - y0) / length
        start, stop = max(x0, 0), min(x1, self.columns - 1)
        for x in range(start, stop + 1):
            low = y0 if x == x0 else round(y0 + (x - x0 - 0.5) * slope)
            high = y1 if x == x1 else round(y0 + (x - x0 + 0.5) * slope)
            if not pattern or inked(pattern, x) or abs(high - low) > 2:
                if x > x0 and abs(high - low) > 1:
                    low += 1 if high > low else -1
                self.run(x, low, high, role)

    def row(self, y: int) -> tuple[str, bytes]:
        """The glyphs of one row of cells, and the role that drew each last."""
        start = y * self.width
        dots = self._dots[start : start + self.width]
        roles = bytes(self._roles[start : start + self.width])
        if not any(dots):
            return " " * self.width, roles
        glyphs = self.symbols.glyphs
        return "".join([glyphs[pattern] for pattern in dots]), roles


SOLID, DASHED, DOTTED = 0, 1, 2


def inked(pattern: int, column: int) -> bool:
    """Whether a line of this style has ink in a dot column: all, four of six, or one of three."""
    if pattern == SOLID:
        return True
    return column % 6 < 4 if pattern == DASHED else column % 3 == 0
