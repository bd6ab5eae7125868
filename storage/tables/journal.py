"""Every optimiser step of a session, the files that hold it whole, and what was trained again."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class Journal(SQLModel, table=True):
    """How the steps of one session are kept, and on what they depend to the bit."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_rev", "rev"),)

    session_id: int | None = Field(default=None, foreign_key="session.id", primary_key=True)
    mode: str  # full, digest
    state: str  # writing, whole, pruned
    layout_json: str  # names, shapes and kinds of the tensors, in the order of the flat vectors
    optimiser: str
    optimiser_json: str
    torch_version: str
    capability: str  # the instruction set that ATen uses
    onednn_isa: str
    threads: int
    parameters: int
    budget_bytes: int
    bytes: int = defaulted(0)
    last_step: int = defaulted(0)
    digest_from_step: int | None = None  # where a full journal met its budget and went on in digests
    training_value: float = defaulted(0)
    note: str = defaulted("")
    rev: int


class JournalFile(SQLModel, table=True):
    """A shard of gradients, or a snapshot of everything."""

    __tablename__ = "journal_file"
    __table_args__ = (
        Index("ix_journal_file_session_id_kind_first_step", "session_id", "kind", "first_step"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(foreign_key="session.id")
    kind: str  # shard, snapshot
    attempt: int
    first_step: int
    last_step: int
    path: str  # relative to the workspace
    sha256: str
    bytes: int
    raw_bytes: int
    state: str = defaulted("kept")  # kept, pruned
    created_ms: int


class Step(SQLModel, table=True):
    """One update of the optimiser; its gradient is row `file_row` of its shard."""

    __tablename__ = "step"
    __table_args__ = (UniqueConstraint("session_id", "step"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(foreign_key="session.id")
    step: int
    attempt: int
    file_id: int | None = Field(default=None, foreign_key="journal_file.id")
    file_row: int | None = None
    learning_rate: float
    loss: float | None = None
    losses_json: str
    gradient_norm: float | None = None
    norms: bytes  # float32, one a layer
    batch: bytes  # int32, rows of the session's dataset
    priority: float  # mean of the batch
    value: float  # |drop of the loss| x priority
    synced: int = defaulted(0)  # whether the target network was copied after it
    weights_sha256: str  # after the step
    gradient_sha256: str
    ts_ms: int


class Replay(SQLModel, table=True):
    """A training on chosen setups, or of chosen steps, beside its control."""

    __tablename__ = "replay"
    __table_args__ = (Index("ix_replay_rev", "rev"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    job_id: int | None = None
    kind: str  # profitable, prioritised, selected, session, verify, reapply
    agent: str
    state: str  # running, succeeded, failed, cancelled
    selection_json: str
    session_id: int | None = Field(default=None, foreign_key="session.id")
    control_session_id: int | None = Field(default=None, foreign_key="session.id")
    source_session_id: int | None = Field(default=None, foreign_key="session.id")
    metric: str = defaulted("")
    value: float | None = None
    control_value: float | None = None
    baseline: float | None = None
    standard_error: float | None = None
    words: str = defaulted("")
    result_json: str = defaulted("{}")
    started_ms: int
    ended_ms: int | None = None
    rev: int
