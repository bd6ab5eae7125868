"""Columns whose default is kept by the database, so that plain SQL inserts get it too."""

from typing import Any

from sqlalchemy import text
from sqlmodel import Field


def defaulted(value: str | int | float) -> Any:
    """A NOT NULL column with this default, in Python and in the database."""
    literal = f"'{value}'" if isinstance(value, str) else f"{value:g}"
    return Field(default=value, sa_column_kwargs={"server_default": text(literal)})
