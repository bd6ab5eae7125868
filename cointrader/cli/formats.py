"""How a value of a table is written for people in a terminal, by its kind."""

from __future__ import annotations

import json
from typing import Any

from cointrader.cli.output import time_text
from storage.pages.view import TEXTUAL, Kind


def cell(kind: Kind, value: Any) -> str:
    """The text of one value; empty for a missing one."""
    if value is None:
        return ""
    if kind is Kind.MODELS:
        return " ".join(f"{name} {weight:.2f}" for name, weight in json.loads(value).items())
    if kind in TEXTUAL:
        return str(value)
    if kind is Kind.TIME:
        return time_text(value)
    if kind is Kind.DURATION:
        return span(value)
    return _number(kind, value)


def span(ms: float) -> str:
    """How long a position was held, as the console writes it: `45s`, `0h25`, `12h05`, `3d04h`."""
    seconds = int(ms // 1000)
    if seconds < 60:
        return f"{seconds}s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}h{minutes:02d}" if hours < 48 else f"{hours // 24}d{hours % 24:02d}h"


def _number(kind: Kind, value: float) -> str:
    match kind:
        case Kind.INTEGER:
            return str(int(value))
        case Kind.PERCENT:
            return f"{value:+.2%}"
        case Kind.MONEY:
            return f"{value:+,.2f}"
        case Kind.REWARD:
            return f"{value:+.3f}"
        case Kind.PRICE:
            return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.6g}"
        case Kind.BYTES:
            return f"{value:,.0f}"
        case _:
            return f"{value:.4g}"
