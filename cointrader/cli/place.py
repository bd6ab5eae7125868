"""Where a command works: its workspace, its settings and its database, with one line for the commands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cointrader.settings import Settings, load_settings
from storage.workspace import Workspace, resolve_workspace


@dataclass(frozen=True)
class Place:
    """An opened workspace."""

    workspace: Workspace
    settings: Settings
    connection: sqlite3.Connection


@contextmanager
def opened(option: str | None) -> Iterator[Place]:
    """The workspace of `--workspace`, made and migrated when needed; its connection is closed at the end."""
    from storage.database import open_database

    workspace = resolve_workspace(option).create()
    settings = load_settings(workspace.config)
    connection = open_database(workspace)
    try:
        yield Place(workspace, settings, connection)
    finally:
        connection.close()
