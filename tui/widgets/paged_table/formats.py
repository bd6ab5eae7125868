"""Values to text, by the kind of their column; meaning is in sign, arrow and word before it is in colour."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import lru_cache
from time import gmtime
from typing import Any

from rich.cells import cell_len, set_cell_size

from tui.symbols import Symbols

COSTS = frozenset({"fees", "funding", "slippage", "notional"})
"""Columns of money that are amounts and not results: no sign, no arrow."""

MIXED = frozenset({"actual", "limit"})
"""Columns whose numbers are of many units: no decimals that say nothing."""

BASIS_POINTS = frozenset({"net_return"})
"""Columns of numbers that are results in basis points: a sign, a tone, one decimal."""

PLAIN_PERCENT = frozenset({"progress"})
"""Columns of fractions that are shares and not returns."""

GOOD = frozenset({"accepted", "succeeded", "champion", "finite"})
BAD = frozenset({"rejected", "failed", "error", "diverged"})
BUSY = frozenset({"running", "open", "closing", "warning", "interrupted", "candidate"})

_CONTROL = {
    code: "�" for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_CONTROL |= {0x200B: "", 0x200E: "", 0x200F: "", 0xFEFF: "", 9: " ", 10: " ", 13: ""}

Formatted = tuple[str, str]
"""Text and tone: gain, loss, long, short, good, bad, busy, quiet, or nothing."""


def clean(text: str, symbols: Symbols) -> str:
    """`text` as one harmless line: no control characters, no change of direction, ASCII where it must be."""
    if not text.isprintable():
        text = text.translate(_CONTROL)
    if symbols.name == "ascii" and not text.isascii():
        text = text.encode("ascii", "replace").decode("ascii")
    return text


def fit(text: str, width: int, *, right: bool, ellipsis: str) -> str:
    """`text` in exactly `width` cells; what does not fit ends in an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        if width <= 1:
            return set_cell_size(text, width)
        return set_cell_size(text, width - 1) + ellipsis
    pad = " " * (width - length)
    return pad + text if right else text + pad


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    moment = gmtime(days * 86_400)
    return f"{moment.tm_year:04d}-{moment.tm_mon:02d}-{moment.tm_mday:02d}"


def format_time(ms: int) -> str:
    """UTC milliseconds as `2024-09-05 14:35`."""
    minutes = ms // 60_000
    days, minute = divmod(minutes, 1440)
    return f"{_day(days)} {minute // 60:02d}:{minute % 60:02d}"


def format_duration(ms: float) -> str:
    """A time span in its two largest units: `45s`, `0h40`, `12h05`, `3d04h`."""
    seconds = int(ms // 1000)
    if seconds < 60:
        return f"{seconds}s"
    hours, minutes = divmod(seconds // 60, 60)
    if hours < 48:
        return f"{hours}h{minutes:02d}"
    return f"{hours // 24}d{hours % 24:02d}h"


def format_price(value: float) -> str:
    """A price with as many decimals as its size needs: 56,412.0, 2,481.35, 0.5123, 0.00001234."""
    size = abs(value)
    if size >= 10_000:
        return f"{value:,.1f}"
    if size >= 100:
        return f"{value:,.2f}"
    if size >= 0.1 or size == 0:
        return f"{value:.4f}"
    decimals = min(12, 4 - math.floor(math.log10(size)))
    return f"{value:.{decimals}f}"


def format_number(value: float, width: int) -> str:
    """A number in at most `width` characters, with as many decimals as its size makes sense of."""
    size = abs(value)
    if width <= 6 and size < 100:
        return f"{value:.2f}"
    if 0 < size < 1e-4:
        return f"{value:.2g}"
    for decimals in (4, 3, 2, 1, 0):
        text = f"{value:,.{decimals}f}"
        if len(text) <= width and (decimals <= 2 or size < 100):
            return text
    return f"{value:.2g}"


def format_amount(value: float, width: int) -> str:
    """Money without a sign of its own: 1,234.56, then fewer decimals, then thousands and millions."""
    for text in (f"{value:,.2f}", f"{value:,.0f}", f"{value / 1e3:,.1f}k", f"{value / 1e6:,.1f}M"):
        if len(text) <= width:
            return text
    return f"{value:.1e}"


def signed(value: float, text: str, symbols: Symbols) -> Formatted:
    """A result with its sign, its arrow and its tone."""
    if value > 0:
        return f"+{text} {symbols.up}", "gain"
    if value < 0:
        return f"{text} {symbols.down}", "loss"
    return f"{text}  ", "quiet"


def format_models(text: str) -> str:
    """Contributions `{"cnn": 0.35, "rule": 1.0}` as `rule 1.0 cnn .35`, the largest first."""
    try:
        parts = json.loads(text)
    except ValueError:
        return text
    if not isinstance(parts, dict):
        return text
    ordered = sorted(parts.items(), key=lambda item: (-_size(item[1]), str(item[0])))
    return " ".join(f"{name} {_share(value)}" for name, value in ordered)


def _size(value: object) -> float:
    return abs(float(value)) if isinstance(value, int | float) else 0.0


def _share(value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    if abs(value) >= 1 or value == 0:
        return f"{value:.1f}"
    return f"{value:.2f}".replace("0.", ".", 1)


def format_bytes(value: float) -> str:
    """Bytes as 812 B, 1.2 kB, 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def format_cell(name: str, kind: str, value: Any, width: int, symbols: Symbols) -> Formatted:
    """Text and tone of one value; a missing one is empty, a value of another type is shown as it is."""
    if value is None:
        return "", ""
    formatter = _BY_KIND.get(kind)
    if formatter is None or (isinstance(value, str) and kind not in _TEXTS):
        return clean(str(value), symbols), ""
    return formatter(name, value, width, symbols)


def plain_text(kind: str, value: Any) -> str:
    """A value for other programs: times as ISO 8601 in UTC, numbers with all digits, texts as they are."""
    if value is None:
        return ""
    if kind == "time":
        return iso_time(int(value)) if value else ""
    return str(value)


def iso_time(ms: int) -> str:
    """UTC milliseconds as `2024-09-05T14:35:00Z`, with milliseconds where there are any."""
    seconds, rest = divmod(ms, 1000)
    days, second = divmod(seconds, 86_400)
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"{_day(days)}T{clock}{f'.{rest:03d}' if rest else ''}Z"


def _text(_name: str, value: Any, _width: int, symbols: Symbols) -> Formatted:
    text = clean(str(value), symbols)
    return text, ""


def _side(_name: str, value: Any, _width: int, symbols: Symbols) -> Formatted:
    text = clean(str(value), symbols)
    return text.upper(), "long" if text in ("long", "buy") else "short" if text in ("short", "sell") else ""


def _state(_name: str, value: Any, _width: int, symbols: Symbols) -> Formatted:
    text = clean(str(value), symbols)
    for tone, words in (("good", GOOD), ("bad", BAD), ("busy", BUSY)):
        if text in words:
            return text, tone
    return text, ""


def _models(_name: str, value: Any, _width: int, symbols: Symbols) -> Formatted:
    return clean(format_models(str(value)), symbols), "quiet"


def _time(name: str, value: Any, _width: int, _symbols: Symbols) -> Formatted:
    if not value:
        return ("open", "busy") if name == "closed" else ("", "")
    return format_time(int(value)), ""


def _duration(_name: str, value: Any, _width: int, _symbols: Symbols) -> Formatted:
    return format_duration(value), ""


def _integer(name: str, value: Any, _width: int, _symbols: Symbols) -> Formatted:
    return f"{int(value):,}", "quiet" if name in ("id", "signal", "position", "run") else ""


def _number(name: str, value: Any, width: int, _symbols: Symbols) -> Formatted:
    if name in BASIS_POINTS:
        return f"{value:+,.1f}", "gain" if value > 0 else "loss" if value < 0 else "quiet"
    return f"{value:,.6g}" if name in MIXED else format_number(float(value), width), ""


def _price(_name: str, value: Any, _width: int, _symbols: Symbols) -> Formatted:
    return format_price(float(value)), ""


def _money(name: str, value: Any, width: int, symbols: Symbols) -> Formatted:
    if name in COSTS:
        return format_amount(float(value), width), ""
    return signed(float(value), format_amount(float(value), width - 3), symbols)


def _percent(name: str, value: Any, width: int, _symbols: Symbols) -> Formatted:
    if name in PLAIN_PERCENT:
        return f"{value:.0%}", ""
    text = f"{value:+.2%}"
    text = text if len(text) <= width else f"{value:+.0%}"
    return text, "gain" if value > 0 else "loss" if value < 0 else "quiet"


def _reward(_name: str, value: Any, _width: int, _symbols: Symbols) -> Formatted:
    return f"{value:+.3f}", "gain" if value > 0 else "loss" if value < 0 else "quiet"


def _bytes(_name: str, value: Any, _width: int, _symbols: Symbols) -> Formatted:
    return format_bytes(float(value)), ""


_TEXTS = frozenset({"text", "side", "state", "models"})
_BY_KIND: dict[str, Callable[[str, Any, int, Symbols], Formatted]] = {
    "text": _text,
    "side": _side,
    "state": _state,
    "models": _models,
    "time": _time,
    "duration": _duration,
    "integer": _integer,
    "number": _number,
    "price": _price,
    "money": _money,
    "percent": _percent,
    "reward": _reward,
    "bytes": _bytes,
}
