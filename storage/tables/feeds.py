"""Files that were read or are still being read, what the feeds recorded, and how long that took."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class SourceFile(SQLModel, table=True):
    """A file of the operator's: which one it was, how far it was read, and what became of its rows.

    A file that grows is known by device and inode, so that it stays itself when it is renamed; the
    offset is written in the transaction of the rows before it.
    """

    __tablename__ = "source_file"
    __table_args__ = (
        Index("ix_source_file_path", "path"),
        Index("ix_source_file_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    path: str
    kind: str
    symbol: str = defaulted("")
    sha256: str = defaulted("")  # of the whole file; of its beginning while it grows
    device: int = defaulted(0)
    inode: int = defaulted(0)
    offset: int = defaulted(0)  # bytes
    line: int = defaulted(0)
    size: int = defaulted(0)
    state: str  # done, tailing, refused
    rows: int = defaulted(0)
    refused: int = defaulted(0)
    quarantined: int = defaulted(0)
    note: str = defaulted("")
    first_seen_ms: int
    updated_ms: int
    rev: int


class FeedRecord(SQLModel, table=True):
    """One typed record of a feed: a price, a book's state, a trade, a headline."""

    __tablename__ = "feed_record"
    __table_args__ = (
        Index("ix_feed_record_type_ts_ms", "type", "ts_ms"),
        Index("ix_feed_record_symbol_ts_ms", "symbol", "ts_ms"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int  # when it happened, by the source
    received_ms: int
    type: str
    symbol: str = defaulted("")
    source: str = defaulted("")
    key: str
    data_json: str
    provenance: str
    source_file_id: int | None = Field(default=None, foreign_key="source_file.id")


class Latency(SQLModel, table=True):
    """How long one stage took for one record, by a monotonic clock."""

    __tablename__ = "latency"
    __table_args__ = (
        Index("ix_latency_stage", "stage"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    stage: str
    type: str
    micros: int
