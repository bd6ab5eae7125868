"""One session of lessons: a batch of closes in, a judged version out, each close taught exactly once.

    made (dataset pins base weights and closes) -> begun (lessons in hand, one transaction with the session)
    -> taught and journalled -> stored and judged (one transaction) -> marked

A process may die anywhere. Before a session is begun nothing has happened. After that its lessons are in its
hands: the next attempt of the job goes on with it and computes the same bits. Once it has succeeded only
marking is left, which can be repeated. A session that came to nothing made no version: its lessons go back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from cointrader.trading.model_id import ModelId
from cointrader.training.close_training.beginning import version_to_teach
from cointrader.training.close_training.caller import Caller
from cointrader.training.close_training.entries import EntryBars
from cointrader.training.close_training.lines import outcome_line, trained_line
from cointrader.training.close_training.made import Made, Material
from cointrader.training.datasets import store_dataset
from cointrader.training.session import RESUMABLE, PartOfJob, train_agent
from cointrader.training.source import WorkspaceSource
from models import registry
from models.parameters import from_json
from storage.closes import SKIPPED
from storage.database import transaction
from storage.events import record_event
from storage.outbox import (
    LessonRow,
    WaitingLesson,
    end_lessons,
    give_back,
    lessons_of,
    mark_trained,
    sessions_in_hand,
    take_in_hand,
)
from storage.sessions import SessionRow, get_session, update_session
from storage.workspace import Workspace

BATCH = 64
"""Closes of one session at most."""


def teach(
    workspace: Workspace,
    connection: sqlite3.Connection,
    model: ModelId,
    waiting: Sequence[WaitingLesson],
    caller: Caller,
    bars: EntryBars,
) -> int:
    """Teach a model these closes; returns how many of them it learned from.

    Lessons whose moment cannot be seen any more are skipped with the reason. Raises NoChampion,
    NotEnoughRows, FeatureMismatch, and what `train_agent` raises.
    """
    known = version_to_teach(workspace, connection, model)
    material = Material(workspace, connection, WorkspaceSource(workspace, connection), bars, known)
    made = _maker(model)(material, waiting)
    if made.refused:
        with transaction(connection):
            end_lessons(connection, [(id, SKIPPED, reason) for id, reason in made.refused.items()])
    if made.dataset is None:
        return 0
    dataset_id = store_dataset(workspace, connection, made.dataset)
    ids = [lesson.id for lesson in made.taught]

    def begun(other: sqlite3.Connection, session_id: int) -> None:
        take_in_hand(other, ids, session_id)

    result = train_agent(
        workspace,
        model,
        known.model.params,
        job_id=caller.job_id,
        attempt=caller.attempt,
        seed=known.beginning.version,
        dataset_id=dataset_id,
        part=PartOfJob(None, begun),
        settings=caller.settings,
        interrupted=caller.interrupted,
        say=caller.say,
    )
    return finish(connection, result.session_id, caller)


def go_on(workspace: Workspace, connection: sqlite3.Connection, caller: Caller) -> int:
    """Settle what an earlier process had in hand; returns how many closes were learned from by that.

    Raises what `train_agent` raises.
    """
    done = 0
    for session_id, model in sessions_in_hand(connection):
        session = get_session(connection, session_id)
        if session.state == "succeeded":
            done += finish(connection, session_id, caller)
        elif session.state in RESUMABLE and _is_mine(session, caller):
            _resume(workspace, session, model, caller)
            done += finish(connection, session_id, caller)
        elif not _is_alive(connection, session):
            _abandon(connection, session)
    return done


def finish(connection: sqlite3.Connection, session_id: int, caller: Caller) -> int:
    """Mark the closes of a session that has succeeded, and say so; returns how many were not marked yet."""
    with transaction(connection):
        before = _in_hand(connection, session_id)
        lessons = [lesson for lesson in mark_trained(connection, session_id) if lesson.id in before]
        lines = [(lesson, trained_line(lesson), _whole(connection, lesson)) for lesson in lessons]
        for lesson, _, whole in lines:
            if whole:
                subject = f"position {lesson.position_id}"
                record_event(connection, "close_training", whole, subject=subject)
    for _, line, whole in lines:
        caller.say(line)
        if whole:
            caller.say(whole)
    return len(lessons)


def _whole(connection: sqlite3.Connection, lesson: LessonRow) -> str:
    return outcome_line(lessons_of(connection, lesson.position_id, lesson.close_number))


def _in_hand(connection: sqlite3.Connection, session_id: int) -> set[int]:
    rows = connection.execute(
        "SELECT id FROM outbox WHERE session_id = ? AND state = 'waiting'", (session_id,)
    ).fetchall()
    return {int(row[0]) for row in rows}


def _resume(workspace: Workspace, session: SessionRow, model: str, caller: Caller) -> None:
    train_agent(
        workspace,
        model,
        from_json(registry.params_class(model), session.params_json),
        job_id=caller.job_id,
        attempt=caller.attempt,
        part=PartOfJob(session.id, lambda other, session_id: None),
        settings=caller.settings,
        interrupted=caller.interrupted,
        say=caller.say,
    )


def _is_mine(session: SessionRow, caller: Caller) -> bool:
    """A session of a job is gone on with by that job alone: its attempts tell a successor from an orphan."""
    return session.job_id == caller.job_id


def _is_alive(connection: sqlite3.Connection, session: SessionRow) -> bool:
    """Whether somebody may still finish the session: its job has not ended."""
    if session.job_id is None or session.state not in RESUMABLE:
        return False
    rows = connection.execute(
        "SELECT 1 FROM job WHERE id = ? AND state IN ('queued', 'running', 'interrupted')", (session.job_id,)
    ).fetchall()
    return bool(rows)


def _abandon(connection: sqlite3.Connection, session: SessionRow) -> None:
    """A session that nobody will finish has made no version: its closes wait for another one."""
    reason = f"session {session.id} {session.state}: {session.note or 'its process has ended'}"
    with transaction(connection):
        if session.state == "running":
            update_session(connection, session.id, state="failed", note=reason)
        give_back(connection, session.id, reason, failed=session.state in ("failed", "diverged", "running"))


Maker = Callable[[Material, Sequence[WaitingLesson]], Made]


def _maker(model: ModelId) -> Maker:
    """What makes the dataset of a model; torch is imported with it."""
    if model is ModelId.CNN:
        from cointrader.training.close_training.cnn_lessons import cnn_lessons

        return cnn_lessons
    if model is ModelId.DQN:
        from cointrader.training.close_training.dqn_lessons import dqn_lessons

        return dqn_lessons
    from cointrader.training.close_training.cob_lessons import cob_lessons

    return cob_lessons
