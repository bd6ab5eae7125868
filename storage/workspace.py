"""The workspace: the one folder in which everything of the operator's is kept.

Stdlib only, because the console needs it before its first paint; platformdirs is asked only when
neither the command line nor the environment names a folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from storage.errors import WorkspaceError

ENVIRONMENT_VARIABLE = "COINTRADER_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The layout of one workspace folder; nothing exists until `create`."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite database; only SQLite may open it, its -wal and its -shm."""
        return self.root / "cointrader.db"

    @property
    def backups(self) -> Path:
        """Copies of the database, made before it is migrated."""
        return self.root / "backups"

    @property
    def artifacts(self) -> Path:
        """Trained models, one folder an agent and version."""
        return self.root / "artifacts"

    @property
    def backprop(self) -> Path:
        """Checkpoints and journals of training sessions."""
        return self.root / "backprop"

    @property
    def datasets(self) -> Path:
        """Datasets of training sessions, by SHA-256."""
        return self.root / "datasets"

    @property
    def candles(self) -> Path:
        """Candles as Parquet."""
        return self.root / "candles"

    @property
    def inbox(self) -> Path:
        """Files laid here are imported."""
        return self.root / "inbox"

    @property
    def logs(self) -> Path:
        """One log a job, and the worker's own."""
        return self.root / "logs"

    @property
    def config(self) -> Path:
        """The operator's settings."""
        return self.root / "config.toml"

    @property
    def state(self) -> Path:
        """What the console remembers between two starts."""
        return self.root / "console.json"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that `create` makes."""
        return (
            self.root,
            self.backups,
            self.artifacts,
            self.backprop,
            self.datasets,
            self.candles,
            self.inbox,
            self.logs,
        )

    def create(self) -> Workspace:
        """Makes the folders that are missing and returns the workspace itself.

        Raises WorkspaceError when a folder cannot be made or may not be written to.
        """
        for folder in self.folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise WorkspaceError(
                    f"{folder}: the folder cannot be made: {error.strerror}. "
                    f"Choose another workspace with --workspace or {ENVIRONMENT_VARIABLE}."
                ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise WorkspaceError(
                f"{self.root}: the folder may not be written to. "
                f"Choose another workspace with --workspace or {ENVIRONMENT_VARIABLE}."
            )
        return self


def resolve_workspace(option: str | None = None) -> Workspace:
    """The workspace to use: `option`, else COINTRADER_WORKSPACE, else the platform's user-data folder."""
    named = option or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Workspace(Path(named).expanduser().absolute())
    from platformdirs import user_data_dir

    return Workspace(Path(user_data_dir("cointrader", appauthor=False)))
