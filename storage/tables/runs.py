"""Runs of strategies over a market."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class TradingRun(SQLModel, table=True):
    """One run of strategies over a market: a backtest, a playback or a paper session."""

    __tablename__ = "trading_run"
    __table_args__ = (
        Index("ix_trading_run_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str  # backtest, playback, paper, core
    provenance: str
    state: str  # running, succeeded, failed
    strategies: str
    symbols: str
    settings_json: str
    metrics_json: str = defaulted("{}")
    first_ms: int
    last_ms: int
    bars: int
    signals: int
    rejections: int
    positions: int
    start_equity: float
    end_equity: float
    started_ms: int
    ended_ms: int | None = None
    code_version: str
    rev: int


class EquityPoint(SQLModel, table=True):
    """Equity and exposure of a run at the close of a bar."""

    __tablename__ = "equity_point"
    __table_args__ = ({"sqlite_with_rowid": False},)

    run_id: int = Field(primary_key=True)
    ts_ms: int = Field(primary_key=True)
    equity: float
    exposure: float
