"""Any mapping a program hands over, as JSON text and back, with nothing lost and nothing refused.

JSON has no NaN, and programs pass odd objects: a number that JSON cannot write becomes {"$number": "nan"} and
comes back as that number; what is no value of JSON at all becomes {"$repr": "..."} and comes back as a text.
A mapping of the program's own that looks like one of these gets a second $, and loses it on its way back.
What holds itself, or holds more than `MOST_VALUES` values, is cut off with a note of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NUMBER, TEXT = "$number", "$repr"
DEEPEST = 40
LONGEST = 100_000
MOST_VALUES = 100_000

TOO_MUCH = {TEXT: f"left out: more than {MOST_VALUES:,} values"}


def write_record(data: object) -> str:
    """The text of a value; keys of mappings become texts, tuples and sets become lists."""
    return json.dumps(plain_record(data), ensure_ascii=False, allow_nan=False)


def plain_record(data: object) -> object:
    """The same as values of JSON, before they become a text."""
    return _Plain().of(data, 0)


def read_record(text: str) -> Any:
    """The value that `write_record` wrote."""
    return json.loads(text, object_hook=_back)


def clean_text(text: str) -> str:
    """`text` as UTF-8 can write it: halves of a pair of surrogates are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def text_of(value: object, longest: int = LONGEST) -> str:
    """`str(value)` of anything, cut to `longest` characters; what cannot be written is named by its type."""
    return _told(str, value, longest)


def repr_of(value: object, longest: int = LONGEST) -> str:
    """`repr(value)` of anything, in the same way."""
    return _told(repr, value, longest)


def _told(tell: Callable[[object], str], value: object, longest: int) -> str:
    try:
        text = clean_text(tell(value))
    # What a program passes may raise anything when it is asked to describe itself; an integer of thousands
    # of digits raises ValueError.
    except Exception as error:
        return f"<{type(value).__name__} that cannot be written: {type(error).__name__}>"
    return text if len(text) <= longest else f"{text[:longest]}…"


class _Plain:
    """Turns one value into values of JSON, and counts them: a mapping that holds itself twice never ends."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def of(self, value: object, depth: int) -> object:
        self._left -= 1
        if self._left < 0:
            return TOO_MUCH
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return clean_text(value)
        if isinstance(value, int | float):
            return _number(value)
        if depth >= DEEPEST:
            return {TEXT: "nested too deeply"}
        return self._many(value, depth + 1)

    def _many(self, value: object, depth: int) -> object:
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, set | frozenset):
            return self._list(sorted(value, key=repr_of), depth)
        if isinstance(value, list | tuple):
            return self._list(value, depth)
        return {TEXT: repr_of(value)}

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, object]:
        plain: dict[str, object] = {}
        for key, item in value.items():
            if self._left <= 0:
                return {**plain, **TOO_MUCH}
            plain[text_of(key)] = self.of(item, depth)
        return _marked(plain) if len(plain) == 1 else plain

    def _list(self, values: Sequence[object], depth: int) -> list[object]:
        plain: list[object] = []
        for item in values:
            plain.append(self.of(item, depth))
            if self._left <= 0:
                break
        return plain


def _marked(single: dict[str, object]) -> dict[str, object]:
    """A program's own {"$...": ...} of one key, told apart from ours."""
    key, item = next(iter(single.items()))
    return {f"${key}": item} if key.startswith("$") else single


def _number(value: int | float) -> object:
    if isinstance(value, int):
        # Python refuses to print integers of thousands of digits; such a number is a mistake in any case.
        return int(value) if value.bit_length() < 1_024 else {TEXT: f"integer of {value.bit_length()} bits"}
    return float(value) if math.isfinite(value) else {NUMBER: str(float(value))}


def _back(item: dict[str, Any]) -> Any:
    if len(item) != 1:
        return item
    key, value = next(iter(item.items()))
    if key.startswith("$$"):
        return {key[1:]: value}
    if key == NUMBER and value in ("nan", "inf", "-inf"):
        return float(value)
    return value if key == TEXT and isinstance(value, str) else item
