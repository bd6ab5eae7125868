"""The characters the console draws with, and their plain twins for terminals that know only ASCII."""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Symbols:
    """One set of characters; every one is exactly one cell wide, except the ASCII `arrow`."""

    name: str
    chart: str
    rule: str
    bar: str
    cursor: str
    dot: str
    hollow: str
    middle: str
    up: str
    down: str
    flat: str
    arrow: str
    ellipsis: str
    check: str
    cross: str
    return_mark: str
    full: str
    empty: str


UNICODE = Symbols(
    name="unicode",
    chart="braille",
    rule="─",
    bar="│",
    cursor="▶",
    dot="●",
    hollow="○",
    middle="·",
    up="▲",
    down="▼",
    flat="=",
    arrow="→",
    ellipsis="…",
    check="✓",
    cross="✗",
    return_mark="⏎",
    full="━",
    empty="╌",
)

ASCII = Symbols(
    name="ascii",
    chart="ascii",
    rule="-",
    bar="|",
    cursor=">",
    dot="*",
    hollow="o",
    middle=".",
    up="^",
    down="v",
    flat="=",
    arrow="->",
    ellipsis="~",
    check="y",
    cross="x",
    return_mark="|",
    full="=",
    empty="-",
)


def choose_symbols(wish: str, *, encoding: str | None = None, terminal: str | None = None) -> Symbols:
    """The set for `wish` (auto, braille, block, ascii) and, for auto, for this locale and terminal.

    A locale without UTF-8 gets ASCII; the Linux text console has line drawing but no braille.
    """
    if wish == "ascii":
        return ASCII
    if wish == "block":
        return _with_chart("block")
    if wish == "braille":
        return UNICODE
    name = (encoding or locale.getencoding()).lower().replace("-", "").replace("_", "")
    if name != "utf8":
        return ASCII
    kind = os.environ.get("TERM", "") if terminal is None else terminal
    return _with_chart("block") if kind == "linux" else UNICODE


def _with_chart(chart: str) -> Symbols:
    from dataclasses import replace

    return replace(UNICODE, chart=chart)
