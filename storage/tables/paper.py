"""Paper trading, orders by hand, and what each close has to teach."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class PaperRun(SQLModel, table=True):
    """The state of a paper run, from which it goes on after any end: its book, and how far it has read."""

    __tablename__ = "paper_run"
    __table_args__ = (Index("ix_paper_run_rev", "rev"),)

    run_id: int | None = Field(default=None, primary_key=True, foreign_key="trading_run.id")
    state: str  # running, paused, stopping, stopped
    source: str  # inbox, playback
    speed: float
    strategies: str
    symbols: str
    book: bytes
    names_json: str
    positions_json: str
    until_ms_json: str
    error: str = defaulted("")
    updated_ms: int
    rev: int


class OrderRequest(SQLModel, table=True):
    """An order by hand, waiting for the run that it is meant for."""

    __tablename__ = "order_request"
    __table_args__ = (
        Index("ix_order_request_run_id_state", "run_id", "state"),
        Index("ix_order_request_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="trading_run.id")
    kind: str  # open, close, close_all
    symbol: str = defaulted("")
    side: str = defaulted("")
    notional: float | None = None
    quantity: float | None = None
    position_id: int | None = Field(default=None, foreign_key="position.id")
    state: str = defaulted("waiting")  # waiting, done, refused
    reason: str = defaulted("")
    signal_id: int | None = Field(default=None, foreign_key="signal.id")
    created_ms: int
    done_ms: int | None = None
    rev: int


class Outbox(SQLModel, table=True):
    """What one close has to teach one model; trained once, whatever dies in between."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("position_id", "close_number", "model"),
        Index("ix_outbox_state", "state"),
        Index("ix_outbox_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    position_id: int = Field(foreign_key="position.id")
    close_number: int
    run_id: int
    model: str  # cnn, dqn, cob_rl
    weight: float  # its share of the decision
    reward: float
    reward_weight: float  # less than 1 for a move within costs
    state: str = defaulted("waiting")  # waiting, trained, skipped, failed, absent
    reason: str = defaulted("")
    session_id: int | None = Field(default=None, foreign_key="session.id")
    step: int | None = None
    loss: float | None = None
    tries: int = defaulted(0)
    created_ms: int
    done_ms: int | None = None
    rev: int


class OutcomeLabel(SQLModel, table=True):
    """Where the price stood 1, 5 and 15 minutes after an entry: labels, never pay."""

    __tablename__ = "outcome_label"

    position_id: int | None = Field(default=None, primary_key=True, foreign_key="position.id")
    return_1m: float | None = None
    return_5m: float | None = None
    return_15m: float | None = None
    computed_ms: int
