"""Datasets, splits, sessions and what they logged."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class Dataset(SQLModel, table=True):
    """The rows that a session learned from, pinned by their digest."""

    __tablename__ = "dataset"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    agent: str
    sha256: str = Field(unique=True)
    path: str
    rows: int
    description: str  # JSON
    provenance: str
    created_ms: int


class Split(SQLModel, table=True):
    """How a dataset was cut into training and validation."""

    __tablename__ = "split"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="dataset.id")
    sha256: str
    kind: str
    params_json: str
    folds_json: str
    created_ms: int


class Session(SQLModel, table=True):
    """One training run of one agent."""

    __tablename__ = "session"
    __table_args__ = (
        Index("ix_session_agent", "agent"),
        Index("ix_session_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    job_id: int | None = None
    agent: str
    state: str  # running, succeeded, failed, cancelled, interrupted, diverged
    attempt: int = defaulted(1)
    seed: int
    params_json: str
    dataset_id: int | None = Field(default=None, foreign_key="dataset.id")
    split_id: int | None = Field(default=None, foreign_key="split.id")
    threads: int
    device: str
    capability: str  # the instruction set that ATen uses
    step: int = defaulted(0)
    total_steps: int = defaulted(0)
    metric: str = defaulted("")
    value: float | None = None
    baseline: float | None = None
    note: str = defaulted("")
    weights_sha256: str = defaulted("")
    started_ms: int
    ended_ms: int | None = None
    rev: int


class Trial(SQLModel, table=True):
    """One point of a search over parameters."""

    __tablename__ = "trial"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    agent: str
    session_id: int = Field(foreign_key="session.id")
    params_json: str
    metric: str
    value: float | None = None
    created_ms: int


class Metric(SQLModel, table=True):
    """One number that a training loop logged; SQLite has no NaN, so its state is kept beside it."""

    __tablename__ = "metric"
    __table_args__ = (
        Index("ix_metric_session_id_name_step", "session_id", "name", "step"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(foreign_key="session.id")
    attempt: int
    step: int
    name: str
    value: float | None = None
    state: str  # finite, nan, inf, -inf
    ts_ms: int


class Checkpoint(SQLModel, table=True):
    """A file from which a session goes on."""

    __tablename__ = "checkpoint"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(foreign_key="session.id")
    attempt: int
    step: int
    path: str  # relative to the workspace
    sha256: str
    weights_sha256: str
    created_ms: int
