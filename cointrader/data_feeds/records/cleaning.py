"""Cleaning a record before it is checked: plain text, numbers of eight decimals."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from cointrader.data_feeds.records.schemas import LONGEST_TEXT

DECIMALS = 8
_SIGNS = frozenset({"Cc", "Cf", "Co", "Cs", "So", "Sk"})
_LOWER = ("side", "signal_type", "indicator")
_BOOKS = ("bids", "asks")


class DataCleaner:
    """Makes a cleaned copy of a record; what is wrong beyond cleaning is for the validator to refuse."""

    def clean(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The record with texts stripped of symbols, cut to 500 characters, and numbers of eight decimals."""
        return {name: _cleaned(name, value) for name, value in data.items()}


def _cleaned(name: str, value: Any) -> Any:
    if isinstance(value, str):
        text = clean_text(value)
        return text.lower() if name in _LOWER else text
    if isinstance(value, float):
        return round_number(value)
    if name in _BOOKS and isinstance(value, Sequence):
        return [_level(level) for level in value]
    return value


def _level(level: Any) -> Any:
    """One [price, amount] of a book, whose numbers exchanges write as texts."""
    if not isinstance(level, Sequence) or isinstance(level, str):
        return level
    return [_number(part) for part in level]


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return round_number(float(value))
        except ValueError:
            return value
    return round_number(float(value)) if isinstance(value, int | float) else value


def clean_text(text: str) -> str:
    """One line without control characters and pictographs, at most 500 characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()[:LONGEST_TEXT]
    plain = "".join(" " if sign.isspace() else sign for sign in text if _is_kept(sign))
    return " ".join(plain.split())[:LONGEST_TEXT]


def _is_kept(sign: str) -> bool:
    return (
        (sign.isascii() and sign.isprintable()) or sign.isspace() or unicodedata.category(sign) not in _SIGNS
    )


def round_number(value: float) -> float:
    """Eight decimals, and never fewer than eight digits: a coin may cost less than a millionth."""
    if not math.isfinite(value) or value == 0.0:
        return value
    magnitude = math.floor(math.log10(abs(value)))
    return round(value, max(DECIMALS, DECIMALS - 1 - magnitude))
