"""Setups whose outcome is learned, what was learned from each, and how their collection goes."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class SetupPack(SQLModel, table=True):
    """A file of arrays, one row a setup."""

    __tablename__ = "setup_pack"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    path: str
    sha256: str
    bytes: int
    rows: int
    layout: str  # id of the arrays that it holds
    created_ms: int


class Setup(SQLModel, table=True):
    """An input package: what was known at one moment, and, once its horizon has passed, what it was worth."""

    __tablename__ = "setup"
    __table_args__ = (
        UniqueConstraint("symbol", "timeframe_ms", "ts_ms"),
        Index("ix_setup_ts_ms", "ts_ms"),
        Index("ix_setup_priority", "priority"),
        Index("ix_setup_symbol_priority", "symbol", "priority"),
        Index("ix_setup_state_ts_ms", "state", "ts_ms"),
        Index("ix_setup_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    symbol: str
    timeframe_ms: int
    origin: str  # signal, rapid, extreme, interval
    side: str  # long or short: the side whose outcome is scored
    taken: int  # what was done: 0 bought, 1 sold, 2 held
    signal_id: int | None = Field(default=None, foreign_key="signal.id")
    price: float
    completeness: float  # over all ten fields
    flags: int  # bit i: field i is valid
    rapid: int
    velocity: float | None = None  # percent a minute
    spike: float | None = None  # multiple of the usual volatility
    extreme: int = defaulted(0)  # -1 lowest, 1 highest of the last closes
    sha256: str
    md5: str
    pack_id: int = Field(foreign_key="setup_pack.id")
    pack_row: int
    provenance: str
    state: str = defaulted("waiting")  # waiting, validated, incomplete
    net_return: float | None = None
    score: float | None = None
    is_profitable: int | None = None
    optimal_action: int | None = None
    priority: float = defaulted(0)
    value: float | None = None
    training_count: int = defaulted(0)
    collected_ms: int
    rev: int


class Outcome(SQLModel, table=True):
    """What the candles after a setup said, with what it was computed from."""

    __tablename__ = "outcome"
    __table_args__ = (UniqueConstraint("setup_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    setup_id: int = Field(foreign_key="setup.id")
    horizon_ms: int
    cost_bps: float
    entry_price: float
    exit_price: float
    gross_return: float
    net_return: float
    return_1m: float | None = None
    return_5m: float | None = None
    return_15m: float | None = None
    mae: float
    mfe: float
    score: float
    optimal_action: int
    is_profitable: int
    regret: float
    novelty: float
    value: float
    validated_ms: int


class Experience(SQLModel, table=True):
    """One action in one state, with its reward: what the RL agents learn from."""

    __tablename__ = "experience"
    __table_args__ = (
        UniqueConstraint("setup_id", "action", "source"),
        Index("ix_experience_ts_ms", "ts_ms"),
        Index("ix_experience_priority", "priority"),
        Index("ix_experience_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    setup_id: int = Field(foreign_key="setup.id")
    position_id: int | None = Field(default=None, foreign_key="position.id")
    source: str  # setup: computed from the candles that followed; close: a position that was closed
    ts_ms: int
    ends_ms: int  # when the reward was known
    symbol: str
    action: int
    reward: float
    terminated: int
    truncated: int
    next_setup_id: int | None = Field(default=None, foreign_key="setup.id")
    is_profitable: int
    td_error: float | None = None
    priority: float
    value: float
    training_count: int = defaulted(0)
    provenance: str
    created_ms: int
    rev: int


class Collection(SQLModel, table=True):
    """How far the collector has come with one series, and what it met on the way."""

    __tablename__ = "collection"
    __table_args__ = (
        UniqueConstraint("symbol", "timeframe_ms"),
        Index("ix_collection_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    symbol: str
    timeframe_ms: int
    last_ts_ms: int
    collected: int = defaulted(0)
    refused: int = defaulted(0)
    rapid: int = defaulted(0)
    validated: int = defaulted(0)
    completeness_sum: float = defaulted(0)
    last_error: str = defaulted("")
    last_error_ms: int | None = None
    updated_ms: int
    rev: int


class CollectionRefusal(SQLModel, table=True):
    """Why packages of a series were refused, counted by reason."""

    __tablename__ = "collection_refusal"
    __table_args__ = ({"sqlite_with_rowid": False},)

    collection_id: int = Field(foreign_key="collection.id", primary_key=True)
    reason: str = Field(primary_key=True)
    n: int
    last_ts_ms: int
    example: str
