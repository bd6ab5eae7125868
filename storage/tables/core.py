"""What the core remembers of its decisions: answers, hindsight, its own memory and its log."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class AgentResponse(SQLModel, table=True):
    """What an agent answered when the core asked it about a signal."""

    __tablename__ = "agent_response"
    __table_args__ = (Index("ix_agent_response_signal_id", "signal_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    signal_id: int = Field(foreign_key="signal.id")
    run_id: int
    ts_ms: int
    agent: str  # strategy, risk, execution
    answer: str  # approved, vetoed, timeout, failed, nonsense
    reason: str = defaulted("")
    micros: int


class Hindsight(SQLModel, table=True):
    """What a rejected signal would have earned, net of costs, on the candles that followed."""

    __tablename__ = "hindsight"
    __table_args__ = (Index("ix_hindsight_code", "code"), Index("ix_hindsight_ts_ms", "ts_ms"))

    signal_id: int | None = Field(default=None, primary_key=True, foreign_key="signal.id")
    run_id: int
    ts_ms: int
    symbol: str
    strategy: str
    code: str
    exit_reason: str
    entry_price: float
    exit_price: float
    hold_ms: int
    net_return: float
    pnl: float  # at the default size of the run
    computed_ms: int


class ContextRecord(SQLModel, table=True):
    """A signal, a rejection or a profit-and-loss snapshot that a program told the core."""

    __tablename__ = "context_record"
    __table_args__ = (
        Index("ix_context_record_kind", "kind"),
        Index("ix_context_record_signal_key", "signal_key"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str  # signal, rejection, pnl
    signal_key: str
    strategy: str = defaulted("")
    ts_ms: int
    data_json: str
    reason: str = defaulted("")


class CoreEvent(SQLModel, table=True):
    """One action of the core, as its logger was told."""

    __tablename__ = "core_event"
    __table_args__ = (Index("ix_core_event_action", "action"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    ts_ms: int
    action: str
    severity: str
    signal_key: str = defaulted("")
    text: str
    data_json: str
