"""Typed parameters: one frozen dataclass describes a form, a command line and a stored record.

Every agent (`models/<agent>/params.py`) and every section of the settings declares its values with
`parameter(...)`: a default, a range, and one sentence of help. From that one declaration come the
launch form of the console, `--param name=value` of the command line, and the check on both. The
module is stdlib only, because the console imports it before its first paint.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class ParameterError(ValueError):
    """A value that a parameter refuses; the text names the parameter, the value and the range."""

    def __init__(self, name: str, value: object, reason: str) -> None:
        super().__init__(f"{name}: {value!r} refused: {reason}")
        self.name = name
        self.value = value
        self.reason = reason


@dataclass(frozen=True)
class ParameterSpec:
    """What a form or a help page needs to know of one parameter.

    `low` and `high` are inclusive; None means unbounded. `choices` is empty unless the value is one
    of a closed set. `kind` is the declared Python type (int, float, bool or str).
    """

    name: str
    kind: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    @property
    def allowed(self) -> str:
        """The allowed values in words, as error texts and forms show them."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is bool:
            return "true or false"
        if self.low is None and self.high is None:
            return "any " + {int: "whole number", float: "number"}.get(self.kind, "text")
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{low} to {high}" + (f" {self.unit}" if self.unit else "")


def parameter(
    default: Any,
    *,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
) -> Any:
    """A dataclass field that carries its range and its help."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "unit": unit}
    return dataclasses.field(default=default, metadata=metadata)


def describe(cls: type[Any]) -> tuple[ParameterSpec, ...]:
    """The parameters of a dataclass, in the order of their declaration."""
    hints = typing.get_type_hints(cls)
    specs = []
    for item in dataclasses.fields(cls):
        if "help" not in item.metadata:
            continue
        meta = item.metadata
        specs.append(
            ParameterSpec(
                name=item.name,
                kind=_plain(hints[item.name]),
                default=item.default,
                help=meta["help"],
                low=meta["low"],
                high=meta["high"],
                choices=tuple(meta["choices"]),
                unit=meta["unit"],
            )
        )
    return tuple(specs)


def parse(spec: ParameterSpec, text: str) -> Any:
    """The typed value of what a person typed; raises ParameterError naming the range."""
    raw = text.strip()
    if spec.kind is bool:
        lowered = raw.lower()
        if lowered in {"true", "yes", "on", "1"}:
            return True
        if lowered in {"false", "no", "off", "0"}:
            return False
        raise ParameterError(spec.name, text, f"must be {spec.allowed}")
    if spec.kind is str:
        return check(spec, raw)
    try:
        number = int(raw) if spec.kind is int else float(raw)
    except ValueError:
        words = "a whole number" if spec.kind is int else "a number"
        raise ParameterError(spec.name, text, f"must be {words}, {spec.allowed}") from None
    return check(spec, number)


def check(spec: ParameterSpec, value: Any) -> Any:
    """`value` itself when the parameter allows it; raises ParameterError otherwise."""
    if spec.kind is bool:
        if not isinstance(value, bool):
            raise ParameterError(spec.name, value, f"must be {spec.allowed}")
        return value
    if spec.kind is str:
        if not isinstance(value, str) or (spec.choices and value not in spec.choices):
            raise ParameterError(spec.name, value, f"must be {spec.allowed}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(spec.name, value, f"must be a number, {spec.allowed}")
    if spec.kind is int and int(value) != value:
        raise ParameterError(spec.name, value, f"must be a whole number, {spec.allowed}")
    if not math.isfinite(value):
        raise ParameterError(spec.name, value, f"must be finite, {spec.allowed}")
    if (spec.low is not None and value < spec.low) or (spec.high is not None and value > spec.high):
        raise ParameterError(spec.name, value, f"must be {spec.allowed}")
    return spec.kind(value)


def build(cls: type[T], values: Mapping[str, Any] | None = None) -> T:
    """A checked instance of a parameter dataclass; texts are parsed, other values are checked.

    Raises ParameterError for an unknown name, a value of the wrong type or one out of range.
    """
    specs = {spec.name: spec for spec in describe(cls)}
    checked: dict[str, Any] = {}
    for name, value in (values or {}).items():
        if name not in specs:
            raise ParameterError(name, value, "unknown; known are " + ", ".join(sorted(specs)))
        spec = specs[name]
        is_text = isinstance(value, str) and spec.kind is not str
        checked[name] = parse(spec, value) if is_text else check(spec, value)
    return cls(**checked)


def to_json(params: Any) -> str:
    """Canonical JSON of a parameter dataclass: sorted keys, no spaces; equal texts mean equal values."""
    return json.dumps(dataclasses.asdict(params), sort_keys=True, separators=(",", ":"))


def from_json(cls: type[T], text: str) -> T:
    """The inverse of `to_json`, checked like any other input."""
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ParameterError(cls.__name__, text, "must be a JSON object")
    return build(cls, values)


def _plain(hint: Any) -> type:
    """The plain type behind an annotation: int for `int | None`, str for an enum."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return str
    return hint if isinstance(hint, type) else str
