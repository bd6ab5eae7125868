"""The queue and those who work on it."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import defaulted


class Job(SQLModel, table=True):
    """Anything waiting in the queue or taken from it."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state_priority", "state", "priority"),
        Index("ix_job_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str  # bootstrap, import, backtest, train
    title: str
    arguments_json: str
    slot: str  # cpu, gpu
    state: str  # queued, running, succeeded, failed, cancelled, interrupted
    priority: int = defaulted(0)
    attempt: int = defaulted(0)
    worker_id: int | None = None
    pid: int = defaulted(0)
    boot_id: str = defaulted("")
    lease_until_ns: int = defaulted(0)  # CLOCK_BOOTTIME
    cancel_requested: int = defaulted(0)
    progress_done: int = defaulted(0)
    progress_total: int = defaulted(0)
    message: str = defaulted("")
    error: str = defaulted("")
    result_json: str = defaulted("{}")
    log_path: str = defaulted("")
    parent_id: int | None = None
    created_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    rev: int


class Worker(SQLModel, table=True):
    """A supervisor that runs jobs, known by its heartbeat."""

    __tablename__ = "worker"
    __table_args__ = (
        Index("ix_worker_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    pid: int
    host: str
    boot_id: str
    heartbeat_ns: int  # CLOCK_BOOTTIME
    state: str  # running, stopped
    started_ms: int
    cpu_slots: int
    gpu_slots: int
    rev: int
