"""What the console asks about training: agents at a glance, their sessions, what can be learned from."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields

from storage.artifact_rows import ArtifactRow
from storage.sessions import SessionRow


@dataclass(frozen=True)
class AgentAtAGlance:
    """One agent: its champion, its newest version, its last session, and its jobs that wait or run."""

    agent: str
    champion: ArtifactRow | None
    newest: ArtifactRow | None
    last_session: SessionRow | None
    sessions: int
    waiting_jobs: int
    running_jobs: int


@dataclass(frozen=True)
class Material:
    """What is stored to learn from: bars of all candle files, signals, closed positions, setups with an
    outcome, experiences, and order books (not counted beyond MANY)."""

    bars: int
    signals: int
    closed_positions: int
    setups: int
    experiences: int
    books: int


MANY = 100_000


_SESSION = ", ".join(f"session.{field.name}" for field in fields(SessionRow))
_ARTIFACT = ", ".join(field.name for field in fields(ArtifactRow))


def agents_at_a_glance(connection: sqlite3.Connection, agents: Sequence[str]) -> list[AgentAtAGlance]:
    """The agents named, in that order."""
    return [_glance(connection, agent) for agent in agents]


def material(connection: sqlite3.Connection) -> Material:
    """How much there is to learn from."""
    rows = connection.execute(
        "SELECT (SELECT coalesce(sum(bars), 0) FROM candle_file), (SELECT count(*) FROM signal), "
        "(SELECT count(*) FROM position WHERE state = 'closed'), "
        "(SELECT coalesce(sum(validated), 0) FROM collection), "
        "(SELECT coalesce(max(id), 0) FROM experience), "
        "(SELECT count(*) FROM (SELECT 1 FROM feed_record WHERE type = 'order_book' LIMIT ?))",
        (MANY,),
    ).fetchall()
    return Material(*rows[0])


def recent_sessions(
    connection: sqlite3.Connection, *, agent: str | None = None, limit: int = 50
) -> list[SessionRow]:
    """The newest sessions first, of all agents or of one."""
    rows = connection.execute(
        f"SELECT {_SESSION} FROM session WHERE ? IS NULL OR agent = ? ORDER BY id DESC LIMIT ?",
        (agent, agent, limit),
    ).fetchall()
    return [SessionRow(*row) for row in rows]


def sessions_of(connection: sqlite3.Connection, ids: Sequence[int]) -> list[SessionRow]:
    """The sessions of these ids that exist, in the order asked for."""
    marks = ", ".join("?" * len(ids))
    rows = connection.execute(f"SELECT {_SESSION} FROM session WHERE id IN ({marks})", tuple(ids)).fetchall()
    found = {row[0]: SessionRow(*row) for row in rows}
    return [found[id] for id in ids if id in found]


def version_of_session(connection: sqlite3.Connection, session_id: int) -> ArtifactRow | None:
    """The version that a session became, once it is stored."""
    rows = connection.execute(
        f"SELECT {_ARTIFACT} FROM artifact WHERE session_id = ? ORDER BY id DESC LIMIT 1", (session_id,)
    ).fetchall()
    return ArtifactRow(*rows[0]) if rows else None


def _glance(connection: sqlite3.Connection, agent: str) -> AgentAtAGlance:
    versions = [
        ArtifactRow(*row)
        for row in connection.execute(
            f"SELECT {_ARTIFACT} FROM artifact WHERE agent = ? ORDER BY version DESC", (agent,)
        ).fetchall()
    ]
    counts = connection.execute("SELECT count(*) FROM session WHERE agent = ?", (agent,)).fetchall()
    jobs = dict(
        connection.execute(
            "SELECT state, count(*) FROM job WHERE kind = 'train' AND state IN ('queued', 'interrupted', "
            "'running') AND json_extract(arguments_json, '$.agent') = ? GROUP BY state",
            (agent,),
        ).fetchall()
    )
    sessions = recent_sessions(connection, agent=agent, limit=1)
    return AgentAtAGlance(
        agent=agent,
        champion=next((version for version in versions if version.status == "champion"), None),
        newest=versions[0] if versions else None,
        last_session=sessions[0] if sessions else None,
        sessions=counts[0][0],
        waiting_jobs=jobs.get("queued", 0) + jobs.get("interrupted", 0),
        running_jobs=jobs.get("running", 0),
    )
