"""Teaches the closes of a workspace, killed at chosen statements that it sends, and again to the end.

usage: teach_and_kill.py WORKSPACE SCRATCH POINTS; prints what each copy came to, one JSON object a line.

Every attempt is a process of its own; they are forked from this one, which has everything loaded and
compiled, because to do that for each of them would take minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from cointrader.settings import Settings
from cointrader.training.close_training.caller import Caller
from cointrader.training.close_training.drain import Drain
from storage.database import open_database
from storage.jobs import claim, register_worker
from storage.workspace import Workspace

STATE = (
    "SELECT position_id, close_number, model, state, session_id IS NULL, step, loss FROM outbox ORDER BY id"
)
VERSIONS = "SELECT agent, count(*) FROM artifact GROUP BY agent ORDER BY agent"
TAUGHT = (
    "SELECT agent, state, step, weights_sha256 FROM session "
    "WHERE split_id IN (SELECT id FROM split WHERE kind = 'lessons') ORDER BY id"
)
NAMED = (
    ("before the dataset of the lessons is kept", 'INSERT INTO "dataset"', 1),
    ("between dataset and session", 'INSERT INTO "session"', 1),
    ("between session and lessons in its hands", "UPDATE outbox SET session_id", 1),
    ("between two lessons that are taken in hand", "UPDATE outbox SET session_id", 2),
    ("between lessons in hand and the first step", 'INSERT INTO "journal"', 1),
    ("between two steps", 'INSERT INTO "step"', 2),
    ("between the last step and the version", 'INSERT INTO "artifact"', 1),
    ("between the version and its judgement", "UPDATE artifact SET status", 1),
    ("between the version and the marks of its lessons", "UPDATE outbox SET state", 1),
    ("between the marks and their commit", 'INSERT INTO "event"', 3),
    ("between the sessions of two models", 'INSERT INTO "session"', 2),
    ("with the lessons of the second model half in hand", "UPDATE outbox SET session_id", 6),
    ("between the second version and the marks of its lessons", "UPDATE outbox SET state", 2),
)
"""(name, part of a statement, which of those that hold it): moments between two writes."""

DONE = "SELECT count(*) FROM event WHERE kind = 'close_training'"


def attempt(workspace: Workspace, part: str, kill_at: int) -> int:
    """Drain the outbox; dies at the n-th statement that holds `part`. Returns how many there were."""
    statements = 0
    connect = sqlite3.connect

    def count(statement: str) -> None:
        nonlocal statements
        statements += part in statement
        if statements == kill_at and part in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(*arguments: Any, **named: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = connect(*arguments, **named)
        opened.set_trace_callback(count)
        return opened

    with closing(open_database(workspace)) as connection:
        worker = register_worker(connection, cpu_slots=1, gpu_slots=0)
        job = claim(connection, worker, {"cpu": 1}, 0.0)
        assert job is not None, "the job cannot be taken over"
        sqlite3.connect = watched  # type: ignore[assignment]
        try:
            connection.set_trace_callback(count)
            drain = Drain(
                workspace, connection, Caller(job.id, job.attempt, Settings(), say=lambda line: None)
            )
            while drain.look():
                pass
        finally:
            sqlite3.connect = connect
    return statements


def in_a_child(workspace: Workspace, part: str = "", kill_at: int = 0) -> int:
    """The status of a process that made an attempt."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            attempt(workspace, part, kill_at)
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def told(workspace: Workspace) -> dict[str, Any]:
    with closing(open_database(workspace)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return {
            "lessons": connection.execute(STATE).fetchall(),
            "versions": connection.execute(VERSIONS).fetchall(),
            "sessions": connection.execute(TAUGHT).fetchall(),
            "events": connection.execute(DONE).fetchone()[0],
        }


def main() -> None:
    source, scratch, points = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    whole = Workspace(shutil.copytree(source, scratch / "whole"))
    statements = attempt(whole, "", 0)
    print(json.dumps({"killed": "never", "then": told(whole)}), flush=True)
    spread = [
        (f"at statement {at}", "", at)
        for at in (point * statements // (points + 1) for point in range(1, points + 1))
    ]
    for name, part, kill_at in (*NAMED, *spread):
        copy = Workspace(shutil.copytree(source, scratch / "killed"))
        status = in_a_child(copy, part, kill_at)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"{name}: {status}"
        between = told(copy)
        assert in_a_child(copy) == 0
        found = {"killed": name, "between": between, "then": told(copy)}
        print(json.dumps(found), flush=True)
        shutil.rmtree(copy.root)


if __name__ == "__main__":
    main()
