"""Any mapping a program hands over, as JSON text and back, with nothing lost and nothing refused.

JSON has no NaN, and programs pass odd objects: a number that JSON cannot write becomes {"$number": "nan"} and
comes back as that number; what is no value of JSON at all becomes {"$repr": "..."} and comes back as a text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

NUMBER, TEXT = "$number", "$repr"
DEEPEST = 40
LONGEST = 100_000


def write_record(data: object) -> str:
    """The text of a value; keys of mappings become texts, tuples and sets become lists."""
    return json.dumps(_plain(data, 0), ensure_ascii=False, allow_nan=False)


def read_record(text: str) -> Any:
    """The value that `write_record` wrote."""
    return json.loads(text, object_hook=_back)


def clean_text(text: str) -> str:
    """`text` as UTF-8 can write it: halves of a pair of surrogates are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: object, depth: int) -> object:
    if depth > DEEPEST:
        return {TEXT: "nested too deeply"}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return [_plain(item, depth + 1) for item in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    return {TEXT: repr(value)[:LONGEST]}


def _number(value: int | float) -> object:
    if isinstance(value, int):
        # Python refuses to print integers of thousands of digits; such a number is a mistake in any case.
        return int(value) if value.bit_length() < 1_024 else {TEXT: f"integer of {value.bit_length()} bits"}
    return float(value) if math.isfinite(value) else {NUMBER: str(float(value))}


def _back(item: dict[str, Any]) -> Any:
    if len(item) == 1 and isinstance(item.get(NUMBER), str):
        return float(item[NUMBER])
    if len(item) == 1 and isinstance(item.get(TEXT), str):
        return item[TEXT]
    return item
