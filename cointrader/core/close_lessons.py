"""Lessons waited for by a program: taught by a job of the queue, in a process of its own."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from cointrader.settings import TrainingSettings, load_settings
from cointrader.trading.model_id import ModelId
from cointrader.training.close_training.queueing import ask_to_train
from cointrader.training.close_training.warm_up import warm_up
from cointrader.training.queued import ensure_worker
from storage import jobs as queue
from storage.artifact_rows import find_artifact
from storage.closes import WAITING
from storage.database import transaction
from storage.outbox import LessonRow, lessons_of, say_why_waiting
from storage.workspace import Workspace

LOOK_SECONDS = 0.1
ENSURE_SECONDS = 15.0


@dataclass(frozen=True)
class LessonsAwaited:
    """The lesson of one model from one position, and how long it is waited for."""

    position_id: int
    model: ModelId
    seconds: float


def await_lessons(workspace: Workspace, connection: sqlite3.Connection, awaited: LessonsAwaited) -> LessonRow:
    """The lesson once it is taught, or says why it waits, or time is up. Raises WorkerNotReached."""
    deadline = time.monotonic() + awaited.seconds
    ensured = -ENSURE_SECONDS
    job_id, least = 0, load_settings(workspace.config).training
    while True:
        lesson = _lesson(connection, awaited)
        if lesson.state != WAITING or time.monotonic() >= deadline:
            return lesson
        if lesson.session_id is None and _has_to_wait(connection, awaited.model, least):
            return _lesson(connection, awaited)
        has_ended = bool(job_id) and queue.get_job(connection, job_id).state in queue.ENDED
        if has_ended and lesson.reason.startswith(WAITING):
            return lesson  # the job has said why
        if not job_id or has_ended:
            with transaction(connection):
                job_id = ask_to_train(connection)
        if time.monotonic() - ensured >= ENSURE_SECONDS:
            ensure_worker(workspace)
            ensured = time.monotonic()
        time.sleep(LOOK_SECONDS)


def _lesson(connection: sqlite3.Connection, awaited: LessonsAwaited) -> LessonRow:
    found = lessons_of(connection, awaited.position_id)
    return next(lesson for lesson in found if lesson.model == awaited.model)


def _has_to_wait(connection: sqlite3.Connection, model: ModelId, settings: TrainingSettings) -> bool:
    """Below its warm-up, or without a version to teach, no job can change anything; the lesson says so."""
    ready = warm_up(connection, model, settings)
    if ready.is_over and find_artifact(connection, model) is not None:
        return False
    reason = f"waiting: no version of {model} decides" if ready.is_over else ready.words
    with transaction(connection):
        say_why_waiting(connection, model, reason)
    return True
