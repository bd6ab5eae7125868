"""Trained models."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class Artifact(SQLModel, table=True):
    """A trained model in the vault, one version of one agent."""

    __tablename__ = "artifact"
    __table_args__ = (
        UniqueConstraint("agent", "version"),
        Index("ix_artifact_rev", "rev"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    agent: str
    version: int
    session_id: int = Field(foreign_key="session.id")
    path: str  # the folder, relative to the workspace
    sha256: str  # of the manifest, which names the digest of every file
    size: int
    status: str  # candidate, champion, retired
    metric: str
    value: float | None = None
    baseline: float | None = None
    metrics_json: str
    reason: str  # why it is the champion, or why not
    provenance: str
    created_ms: int
    rev: int
