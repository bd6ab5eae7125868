"""From the cell under the cursor to a condition of the filter language: rows that are alike in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.pages import Column

EXACT = frozenset({"integer", "number", "price", "money", "reward"})
"""Kinds whose stored number can be written into a filter as it is."""


def condition_for(column: Column, value: Any) -> str:
    """`symbol="BTC/USDT"`, `price=56412.5`; empty where no filter can say it."""
    if value is None or not column.filterable:
        return ""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{column.name}="{escaped}"'
    if column.kind in EXACT:
        return f"{column.name}={value!r}"
    if column.kind == "duration":
        return f"{column.name}={int(value)}ms"
    return ""
