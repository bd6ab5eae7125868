"""Crashes of a job are counted, three are too many; a paper run that gets on between them is not given up."""

from __future__ import annotations

import sqlite3

import pytest

from cointrader.jobs.fate import settle_lost
from storage import jobs as queue
from storage.paper_runs import KIND


@pytest.mark.parametrize(
    ("kind", "done", "states"),
    [
        (KIND, (10, 20, 30, 40), ["interrupted"] * 4),
        (KIND, (10, 20, 20, 20), ["interrupted", "interrupted", "interrupted", "failed"]),
        ("train", (10, 20, 30), ["interrupted", "interrupted", "failed"]),
    ],
)
def test_crashes_of_a_paper_run_count_only_where_it_has_not_got_on(
    connection: sqlite3.Connection, kind: str, done: tuple[int, ...], states: list[str]
) -> None:
    queue.enqueue(connection, kind=kind, title="work", arguments={})
    fates = []
    for moments in done:
        job = queue.claim(connection, 1, {"cpu": 1}, lease_seconds=30.0)
        assert job is not None
        queue.progress(connection, job.id, job.attempt, moments, 0)
        fates.append(settle_lost(connection, job, "killed by SIGKILL"))
    assert fates == states
