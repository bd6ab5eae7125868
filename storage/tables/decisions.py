"""Signals, and why some were rejected."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel


class Signal(SQLModel, table=True):
    """A strategy's wish to trade, and whether the core accepted it."""

    __tablename__ = "signal"
    __table_args__ = (
        Index("ix_signal_run_id", "run_id"),
        Index("ix_signal_ts_ms", "ts_ms"),
        Index("ix_signal_symbol_ts_ms", "symbol", "ts_ms"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="trading_run.id")
    ts_ms: int
    symbol: str
    strategy: str
    side: str  # long, short
    confidence: float
    price: float
    status: str  # accepted, rejected
    contributions: str  # JSON: {"rule": 1.0}
    provenance: str


class Rejection(SQLModel, table=True):
    """Why a signal was refused: the stage, the rule, its limit and the value that met it."""

    __tablename__ = "rejection"
    __table_args__ = (
        Index("ix_rejection_ts_ms", "ts_ms"),
        Index("ix_rejection_code_ts_ms", "code", "ts_ms"),
        Index("ix_rejection_symbol_ts_ms", "symbol", "ts_ms"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    signal_id: int = Field(foreign_key="signal.id", unique=True)
    run_id: int
    ts_ms: int
    symbol: str
    strategy: str
    side: str
    stage: str  # filter, risk, execution
    code: str
    text: str
    limit_value: float | None = None
    actual_value: float | None = None
    confidence: float
    price: float
    provenance: str
