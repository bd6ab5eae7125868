"""For terminals without UTF-8: the last thing before the terminal makes every character an ASCII one.

The console draws with plain characters by itself there (`tui.symbols`); this takes care of what comes from
elsewhere: the frames and ellipses of Textual, the names of keys, and texts in the database.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

TWINS = {
    **dict.fromkeys("─━═╌╍┄┅┈┉▁▔", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋▏▕▌▐▎▍", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋╴╵╶╷", "+"),
    **dict.fromkeys("▀▂▃▄▅▆▇▉▊▋", " "),
    **dict.fromkeys("█■▪●•◆", "*"),
    **dict.fromkeys("○◌◇□", "o"),
    **dict.fromkeys("▲△↑", "^"),
    **dict.fromkeys("▼▽↓", "v"),
    **dict.fromkeys("▶▸►→›»", ">"),
    **dict.fromkeys("◀◂◄←‹«⌫", "<"),
    **dict.fromkeys("⏎↵", "$"),
    **dict.fromkeys("–—‐‑", "-"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    "…": "~",
    "·": ".",
    "×": "x",
    "✓": "y",
    "✗": "x",
    "\u00a0": " ",
}
"""Characters of the console's own looks, each one cell wide, and what stands for them."""


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """`text` in ASCII, as wide as before."""
    if text.isascii():
        return text
    return "".join(_plain_character(character) for character in text)


def _plain_character(character: str) -> str:
    if character.isascii():
        return character
    return TWINS.get(character, "?" * cell_len(character))


class PlainText(LineFilter):
    """Replaces what is not ASCII in every line that is painted."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with plain texts."""
        return [Segment(plain(text), style, control) for text, style, control in segments]
