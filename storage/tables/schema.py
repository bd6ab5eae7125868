"""The metadata of all tables together."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from storage.tables import artifacts, audit, bot, decisions, feeds, jobs, market, positions, runs, training

SUBJECTS = (artifacts, audit, bot, decisions, feeds, jobs, market, positions, runs, training)


def metadata() -> MetaData:
    """Tables, columns, keys and indexes of the newest schema (the text indexes are FTS5's own)."""
    return SQLModel.metadata
