"""Values of fields: from what was typed to what SQLite compares, by the kind of the field."""

from __future__ import annotations

import difflib
import math
import re

from storage.errors import FilterError
from storage.filters.grammar import Term
from storage.filters.moments import parse_duration
from storage.pages.view import Field, Kind, TableView

SINCE, UNTIL = "since", "until"
TIME_WORDS = (SINCE, UNTIL)

_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)(%|bps|k|m)?", re.IGNORECASE)
_SCALE = {"%": 0.01, "bps": 1e-4, "k": 1e3, "m": 1e6}
_LARGEST_INTEGER = 2**63 - 1


def find_field(term: Term, view: TableView) -> Field:
    """The field that a term names. Raises FilterError with the nearest known name."""
    known: dict[str, Field] = {}
    for field in view.fields:
        known[field.name] = field
        known.update(dict.fromkeys(field.aliases, field))
    if term.name in known:
        return known[term.name]
    near = difflib.get_close_matches(term.name, [*known, *TIME_WORDS], 1)
    hint = (
        f"did you mean {near[0]}?" if near else f"known are {', '.join(field.name for field in view.fields)}"
    )
    raise FilterError(f"{view.name} have no field {term.name!r}; {hint}", term.position, len(term.name))


def number_of(term: Term, field: Field) -> float | int:
    """The number that a term compares with, in the unit of the stored value. Raises FilterError.

    Percent fields are stored as fractions and written in percent, as they are shown; spans of time are
    written with their unit.
    """
    place = term.value_position, term.value_length
    if field.kind is Kind.DURATION:
        return parse_duration(term.value, *place)
    match = _NUMBER.fullmatch(term.value)
    if match is None:
        raise FilterError(f"{field.name} is a number; {term.value!r} is not one", *place)
    digits, unit = match.group(1), (match.group(2) or "").lower()
    if not unit and digits.lstrip("+-").isdigit() and field.kind is not Kind.PERCENT:
        whole = int(digits)
        if abs(whole) <= _LARGEST_INTEGER:
            return whole
    if field.kind is Kind.PERCENT and not unit:
        unit = "%"
    number = float(digits) * _SCALE.get(unit, 1.0)
    if not math.isfinite(number):
        raise FilterError(f"{term.value} is too large", *place)
    return number


def contains_pattern(text: str) -> str:
    """A LIKE pattern (with ESCAPE '\\') for texts that contain `text` as it is written."""
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return f"%{escaped}%"


def phrase(text: str) -> str:
    """An FTS5 query for one phrase; quotes are doubled, so that nothing in it is an operator."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
