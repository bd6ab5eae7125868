"""What closes taught and what rejections would have earned, beside a trading history; through storage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from storage.agent_responses import AgentResponseRow, add_agent_responses
from storage.closes import Lesson, closed_position, file_lessons, keep_labels
from storage.database import open_database, transaction
from storage.hindsight import HindsightRow, add_hindsight
from storage.insert import insert_row
from storage.outbox import mark_trained, take_in_hand
from storage.revision import next_rev
from storage.workspace import Workspace
from tests.storage.journal_world import journalled
from tests.tui.trading_workspace import STEP_MS, trading_workspace

TRAINED = 12
"""So many closes have trained the CNN, each in one step of one session; they are the oldest ones."""

LESSONS = (
    Lesson("cnn", 0.35, "waiting"),
    Lesson("dqn", 0.25, "waiting", "waiting 140/200"),
    Lesson("cob_rl", 0.0, "absent", "no version of cob_rl decides yet"),
)
SKIPPED = Lesson("cnn", 0.0, "skipped", "took no part: it gave buying a chance of at most one in three")


def learned_workspace(root: Path) -> Workspace:
    """60 signals: 20 rejected, all but two of them judged; 40 closed, of which 12 have trained the CNN."""
    workspace = trading_workspace(root, 60)
    with closing(open_database(workspace)) as opened:
        teach(workspace, opened)
        judge(opened, leave=2)
    return workspace


def teach(workspace: Workspace, connection: sqlite3.Connection) -> int:
    """Lessons for all closes; the first 12 of the CNN are trained in a session, which is returned."""
    positions = [row[0] for row in connection.execute("SELECT id FROM position ORDER BY id").fetchall()]
    with transaction(connection):
        for number, position in enumerate(positions):
            close = closed_position(connection, position)
            lessons = LESSONS if number < TRAINED else (SKIPPED, *LESSONS[1:])
            file_lessons(connection, close, lessons)
            keep_labels(connection, position, (0.001, -0.002, None), 0)
        mine = connection.execute(
            "SELECT id FROM outbox WHERE model = 'cnn' AND state = 'waiting' ORDER BY id"
        ).fetchall()
    session_id = journalled(workspace, connection, TRAINED)
    with transaction(connection):
        take_in_hand(connection, [row[0] for row in mine], session_id)
        mark_trained(connection, session_id)
        add_champion(connection, session_id)
    return session_id


def add_champion(connection: sqlite3.Connection, session_id: int) -> None:
    """The version that the session became."""
    values = {
        "agent": "cnn",
        "version": 4,
        "session_id": session_id,
        "path": "models/cnn/v4",
        "sha256": "ab" * 32,
        "size": 10,
        "status": "champion",
        "metric": "pivot_auc",
        "value": 0.534,
        "baseline": 0.5,
        "metrics_json": "{}",
        "reason": "",
        "provenance": "paper",
        "created_ms": 1_717_300_000_000,
        "rev": next_rev(connection),
    }
    insert_row(connection, "artifact", tuple(values), tuple(values.values()))


def judge(connection: sqlite3.Connection, *, leave: int = 0) -> list[HindsightRow]:
    """Hindsight of all rejections but the `leave` newest; every third would have paid."""
    rejected = connection.execute(
        "SELECT signal_id, run_id, ts_ms, symbol, strategy, code, price FROM rejection ORDER BY id"
    ).fetchall()
    rows = []
    for number, rejection in enumerate(rejected[: len(rejected) - leave]):
        price = rejection[-1]
        ended = ("target", price, price * 1.01, 5 * STEP_MS, 0.008, 8.25)
        if number % 3:
            ended = ("stop", price, price * 0.995, 5 * STEP_MS, -0.006, -6.5)
        rows.append(HindsightRow(*(*rejection[:-1], *ended, 1)))
    with transaction(connection):
        add_hindsight(connection, rows)
    return rows


def answer(connection: sqlite3.Connection, signal_id: int) -> None:
    """Three agents were asked about a signal: one approved, one refused, one was silent."""
    run_id, ts_ms = connection.execute(
        "SELECT run_id, ts_ms FROM signal WHERE id = ?", (signal_id,)
    ).fetchall()[0]
    told = (("strategy", "approved", "", 120), ("risk", "vetoed", "too close to the news", 3_400),
            ("execution", "timeout", "no answer within 50 ms", 50_000))  # fmt: skip
    with transaction(connection):
        add_agent_responses(
            connection,
            [
                AgentResponseRow(signal_id, run_id, ts_ms, agent, said, reason, micros)  # type: ignore[arg-type]
                for agent, said, reason, micros in told
            ],
        )
