"""The metadata of all tables together."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from storage.tables import (
    artifacts,
    audit,
    bot,
    core,
    decisions,
    feeds,
    jobs,
    journal,
    market,
    paper,
    positions,
    runs,
    setups,
    training,
)

SUBJECTS = (
    artifacts,
    audit,
    bot,
    core,
    decisions,
    feeds,
    jobs,
    journal,
    market,
    paper,
    positions,
    runs,
    setups,
    training,
)


def metadata() -> MetaData:
    """Tables, columns, keys and indexes of the newest schema (the text indexes are FTS5's own)."""
    return SQLModel.metadata
