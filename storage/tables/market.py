"""Instruments, their candles and where these have gaps, and the lines that imports refused."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class Instrument(SQLModel, table=True):
    """Something that is traded: a pair of currencies at a venue."""

    __tablename__ = "instrument"
    __table_args__ = (
        UniqueConstraint("base", "quote", "venue"),
        Index("ix_instrument_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    base: str
    quote: str
    venue: str = defaulted("")
    symbol: str  # as the operator writes it: BTC/USDT
    first_seen_ms: int
    rev: int


class CandleFile(SQLModel, table=True):
    """One Parquet file of candles in the workspace, and what its source was like."""

    __tablename__ = "candle_file"
    __table_args__ = (
        Index("ix_candle_file_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    instrument_id: int = Field(foreign_key="instrument.id")
    symbol: str
    timeframe_ms: int
    path: str  # relative to the workspace
    sha256: str  # of the Parquet file
    source_name: str
    source_sha256: str
    dialect: str
    first_close_ms: int
    last_close_ms: int
    bars: int
    gaps: int  # places where two bars are more than one timeframe apart
    missing_bars: int
    duplicates: int
    refused: int
    zero_volume: int
    provenance: str
    imported_ms: int
    rev: int


class CandleGap(SQLModel, table=True):
    """Bars that follow each other and are missing; the times are closes, those of the first and the last."""

    __tablename__ = "candle_gap"
    __table_args__ = ({"sqlite_with_rowid": False},)

    candle_file_id: int = Field(primary_key=True, foreign_key="candle_file.id")
    from_ms: int = Field(primary_key=True)
    to_ms: int


class Quarantine(SQLModel, table=True):
    """A line that an import refused, kept as it was read."""

    __tablename__ = "quarantine"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    source_name: str
    source_sha256: str
    line: int
    field: str
    reason: str
    raw: str
    created_ms: int
