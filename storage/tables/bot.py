"""What a running bot wrote about itself: its log, its trades, its own count of profit."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class BotEvent(SQLModel, table=True):
    """One thing that a bot said. The fingerprint keeps lines that it wrote twice from counting twice."""

    __tablename__ = "bot_event"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        Index("ix_bot_event_kind_ts_ms", "kind", "ts_ms"),
        Index("ix_bot_event_symbol_ts_ms", "symbol", "ts_ms"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    kind: str
    severity: str
    symbol: str = defaulted("")
    strategy: str = defaulted("")
    side: str = defaulted("")
    reason: str = defaulted("")
    score: float | None = None
    text: str
    data_json: str = defaulted("{}")
    source_file_id: int = Field(foreign_key="source_file.id")
    line: int
    fingerprint: str


class BotTrade(SQLModel, table=True):
    """One line of a bot's list of trades."""

    __tablename__ = "bot_trade"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    symbol: str
    side: str
    amount: float
    price: float
    kind: str  # fill, probe, stop, unresolved
    source_file_id: int = Field(foreign_key="source_file.id")
    line: int
    fingerprint: str


class BotPnl(SQLModel, table=True):
    """One result as a bot booked it, for a strategy and, where it says so, a market regime."""

    __tablename__ = "bot_pnl"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    strategy: str
    symbol: str = defaulted("")
    regime: str = defaulted("")
    entry_price: float | None = None
    exit_price: float | None = None
    pnl: float
    confidence: float | None = None
    direction: str = defaulted("")
    source: str
    fingerprint: str
