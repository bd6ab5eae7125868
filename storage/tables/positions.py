"""Positions: their fills, their link to the signal, their reward, and what the price did."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class Position(SQLModel, table=True):
    """Something held, from the first fill to the last; money is net of costs in `pnl`."""

    __tablename__ = "position"
    __table_args__ = (
        Index("ix_position_closed_ms", "closed_ms"),
        Index("ix_position_symbol_closed_ms", "symbol", "closed_ms"),
        Index("ix_position_pnl", "pnl"),
        Index("ix_position_state", "state"),
        Index("ix_position_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="trading_run.id")
    symbol: str
    strategy: str
    side: str  # long, short
    state: str  # open, closing, closed
    origin: str  # signal, manual, adopted, import
    provenance: str
    opened_ms: int
    closed_ms: int = defaulted(0)  # 0 while it is open
    qty: float
    entry_price: float
    exit_price: float | None = None
    stop_price: float | None = None
    target_price: float | None = None
    exit_reason: str = defaulted("")  # stop, target, trailing, time, opposite, strategy, manual, end_of_data
    notional: float
    equity_at_entry: float
    gross: float = defaulted(0.0)
    fees: float = defaulted(0.0)
    funding: float = defaulted(0.0)
    slippage: float = defaulted(0.0)
    pnl: float = defaulted(0.0)
    return_account: float = defaulted(0.0)  # pnl / equity_at_entry
    return_notional: float = defaulted(0.0)  # pnl / notional
    hold_ms: int = defaulted(0)
    mae: float = defaulted(0.0)  # largest adverse excursion
    mfe: float = defaulted(0.0)  # largest favourable excursion
    reward: float = defaulted(0.0)  # the total of the formula that trains
    contributions: str
    rev: int


class PositionFill(SQLModel, table=True):
    """One execution of a position."""

    __tablename__ = "position_fill"
    __table_args__ = (
        Index("ix_position_fill_position_id", "position_id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    position_id: int = Field(foreign_key="position.id")
    ts_ms: int
    kind: str  # entry, exit
    side: str  # buy, sell
    qty: float
    price: float
    raw_price: float  # before slippage
    fee: float
    slippage: float
    reason: str


class SignalPosition(SQLModel, table=True):
    """Which signal became which position, written in the transaction that opens it."""

    __tablename__ = "signal_position"

    position_id: int | None = Field(default=None, primary_key=True, foreign_key="position.id")
    signal_id: int = Field(foreign_key="signal.id", unique=True)
    created_ms: int


class Reward(SQLModel, table=True):
    """What a close was worth to the training, with every part of both formulas."""

    __tablename__ = "reward"
    __table_args__ = (
        UniqueConstraint("position_id", "close_number"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    position_id: int = Field(foreign_key="position.id")
    close_number: int = defaulted(1)
    run_id: int
    ts_ms: int
    formula: str
    total: float
    weight: float  # of small moves
    normalized: float
    n_return: float
    n_notional: float
    n_consistency: float
    n_time: float
    n_streak: float
    comprehensive: float
    c_pnl: float
    c_time: float
    c_risk: float
    c_consistency: float
    c_streak: float


class PositionPath(SQLModel, table=True):
    """Closes around a position, so that it can be drawn without reading candles."""

    __tablename__ = "position_path"

    position_id: int | None = Field(default=None, primary_key=True, foreign_key="position.id")
    first_ms: int
    step_ms: int
    entry_index: int
    exit_index: int
    closes: bytes  # little-endian float32, at most 240
