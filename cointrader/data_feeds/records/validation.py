"""Checking a record against its schema: each problem with its field and its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cointrader.data_feeds.records.schemas import MOST_LEVELS, SCHEMAS, Field, Kind, Schema
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms


class RecordRefused(ValueError):
    """A record that is not stored; the text reads `type.field: reason`."""

    def __init__(self, type: str, field: str, reason: str) -> None:
        super().__init__(f"{type}.{field}: {reason}")
        self.type = type
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    field: str
    reason: str


class SchemaValidator:
    """Checks records. `problems` are those of the last record that was checked."""

    def __init__(self) -> None:
        self.problems: tuple[Problem, ...] = ()

    def validate(self, data: Mapping[str, Any], schema: str | Mapping[str, type]) -> bool:
        """Whether a record has the fields of a schema: the name of one, or {field: Python type}.

        A whole number is accepted where a float is asked for. Raises RecordRefused for a name that is no
        schema.
        """
        self.problems = tuple(find_problems(data, schema))
        return not self.problems


def find_problems(data: Mapping[str, Any], schema: str | Mapping[str, type]) -> list[Problem]:
    """Everything that is wrong with a record. Raises RecordRefused for a name that is no schema."""
    if isinstance(schema, str):
        fields = schema_of(schema)
        found = [problem for field in fields if (problem := _problem(data, field)) is not None]
        return found or _crossed(data, fields)
    return [
        problem for name, kind in schema.items() if (problem := _wrong_type(data, name, kind)) is not None
    ]


def schema_of(name: str) -> Schema:
    """The schema of a type. Raises RecordRefused for a name that is none."""
    if name not in SCHEMAS:
        raise RecordRefused(name, "type", f"is no type of record; known are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]


def _wrong_type(data: Mapping[str, Any], name: str, kind: type) -> Problem | None:
    if name not in data:
        return Problem(name, "is missing")
    value = data[name]
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        return Problem(name, f"{value!r} is not of type {kind.__name__}")
    return None


def _problem(data: Mapping[str, Any], field: Field) -> Problem | None:
    value = data.get(field.name)
    if value is None or value == "":
        return Problem(field.name, "is missing") if field.required else None
    reason = _CHECKS[field.kind](value, field)
    return Problem(field.name, reason) if reason else None


def _text(value: object, field: Field) -> str:
    if not isinstance(value, str):
        return f"{value!r} is no text"
    if field.choices and value.lower() not in field.choices:
        return f"{value!r} is none of {', '.join(field.choices)}"
    return ""


def _number(value: object, field: Field) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is no number"
    if not math.isfinite(value):
        return f"{value} is not finite"
    if field.low is not None and (value < field.low or (field.open and value == field.low)):
        return f"{value:g} is not {'above' if field.open else 'at least'} {field.low:g}"
    if field.high is not None and value > field.high:
        return f"{value:g} is above {field.high:g}"
    return ""


def _time(value: object, field: Field) -> str:
    try:
        to_ms(value)
    except TimeRefused as error:
        return str(error)
    return ""


def _levels(value: object, field: Field) -> str:
    if not isinstance(value, list) or len(value) > MOST_LEVELS:
        return f"is no list of at most {MOST_LEVELS:,} levels"
    for place, level in enumerate(value, start=1):
        if not isinstance(level, list) or len(level) != 2:
            return f"level {place} is no [price, amount]"
        if any(isinstance(part, bool) or not isinstance(part, int | float) for part in level):
            return f"level {place}: {level} are no numbers"
        price, amount = level
        if not (0.0 < price < 1e12 and 0.0 <= amount < 1e15):
            return f"level {place}: {level} is no price above 0 with an amount"
    return ""


def _anything(value: object, field: Field) -> str:
    return ""


_CHECKS = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.TIME: _time,
    Kind.LEVELS: _levels,
    Kind.ANY: _anything,
}


def _crossed(data: Mapping[str, Any], fields: Schema) -> list[Problem]:
    """A book whose best bid is not below its best ask is no state that an exchange was in."""
    if not any(field.name == "bids" for field in fields) or not data["bids"] or not data["asks"]:
        return []
    bid, ask = max(price for price, _ in data["bids"]), min(price for price, _ in data["asks"])
    return [Problem("bids", f"the best bid {bid:g} is not below the best ask {ask:g}")] if bid >= ask else []
