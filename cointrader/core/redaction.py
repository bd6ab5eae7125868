"""Secrets do not reach a log: what is named like one, or looks like one, is replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "[redacted]"

_WORDS = (
    r"pass(?:word|wd|phrase)|secret|(?:api|private|secret|access|service|signing)[_-]?key|apikey"
    r"|token|authori[sz]ation|credential|cookie|mnemonic|seed[_-]?phrase"
)
_NAME = re.compile(_WORDS, re.IGNORECASE)
_ASSIGNED = re.compile(
    # A word is looked at once, from its beginning, never given back: time grows with the length of a text.
    rf"""(?<![\w-])((?=[\w-]*?(?:{_WORDS}))[\w-]++["']?\s*+[=:]\s*+)"""
    r"""(?:(?:Bearer|Basic)\s+)?["']?[^\s"',;&)}\]]+""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_USERINFO = re.compile(r"(?<!\w)(\w++://)[^\s/@:]++:[^\s/@]+@")
_DEEPEST = 40


def redacted(value: object, depth: int = 0) -> object:
    """A copy of a value of JSON in which every secret is replaced; mappings by their names, texts by form."""
    if isinstance(value, str):
        return redacted_text(value)
    if depth > _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _NAME.search(str(key)) and item else redacted(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(item, depth + 1) for item in value]
    return value


def redacted_text(text: str) -> str:
    """`text` without passwords in addresses, bearer tokens, and what follows `api_key=` and the like."""
    if text.isidentifier():
        return text  # most texts are single words, and a word alone gives nothing away
    if "@" in text:
        text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    return _BEARER.sub(rf"\1 {HIDDEN}", text) if " " in text else text
