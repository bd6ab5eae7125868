"""One read of what the list of sessions says of the one under the cursor."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.artifact_rows import ArtifactRow
from storage.sessions import SessionRow, get_session
from storage.steps import JournalRow, journal_of
from storage.training_overview import version_of_session


@dataclass(frozen=True)
class SessionAtAGlance:
    """A session, how its steps are kept (None: not at all), and the version that it became."""

    row: SessionRow
    journal: JournalRow | None
    version: ArtifactRow | None


def read_session(connection: sqlite3.Connection, session_id: int) -> SessionAtAGlance:
    """The session. Raises StorageError when there is none of this id."""
    return SessionAtAGlance(
        get_session(connection, session_id),
        journal_of(connection, session_id),
        version_of_session(connection, session_id),
    )
