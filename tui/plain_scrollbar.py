"""Scroll bars of whole cells, for terminals without the characters for parts of one."""

from __future__ import annotations

from textual.scrollbar import ScrollBar, ScrollBarRender


class PlainScrollBarRender(ScrollBarRender):
    """Draws the ends with blanks: the bar moves in whole cells."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8


def use_plain_scrollbars() -> None:
    """From now on every scroll bar of this process is drawn so."""
    ScrollBar.renderer = PlainScrollBarRender
