"""The overview, the runs, and noticing that something has changed."""

import sqlite3
from contextlib import closing

import pytest

from storage import jobs
from storage.database import connect, transaction
from storage.events import record_event
from storage.overview import overview
from storage.runs import get_run, latest_run_id, list_runs, rejection_counts
from storage.watch import DatabaseWatch
from storage.workspace import Workspace
from tests.storage.rows import add_run
from tests.storage.trading_rows import fill


def test_an_empty_workspace_has_an_overview(connection: sqlite3.Connection) -> None:
    seen = overview(connection)
    assert seen.counts.signals == seen.counts.bars == 0
    assert seen.run is None and seen.equity is None and seen.last_day_ms is None
    assert seen.recent.win_rate is None and seen.recent.mean_reward is None
    assert seen.workers == seen.running == seen.troubles == ()
    assert seen.disk_free_bytes > 0 and seen.database_bytes > 0


def test_counts_and_closes_are_those_of_the_rows(connection: sqlite3.Connection) -> None:
    fill(connection, 300)
    seen = overview(connection)
    assert seen.counts.signals == 300
    assert seen.counts.rejections == 100
    total = connection.execute("SELECT count(*) FROM position").fetchone()[0]
    assert seen.counts.open_positions + seen.counts.closed_positions == total
    pnl = [row[0] for row in connection.execute("SELECT pnl FROM position WHERE state = 'closed'")]
    wins, losses = sum(value > 0 for value in pnl), sum(value < 0 for value in pnl)
    assert 0 in pnl
    assert (seen.recent.count, seen.recent.wins, seen.recent.losses) == (len(pnl), wins, losses)
    assert seen.recent.win_rate == pytest.approx(wins / (wins + losses))
    assert seen.recent.pnl == pytest.approx(sum(pnl))


def test_the_last_day_is_the_day_of_the_newest_close(connection: sqlite3.Connection) -> None:
    fill(connection, 60)
    newest = connection.execute("SELECT max(id) FROM position WHERE state = 'closed'").fetchone()[0]
    next_day = 1_704_067_200_000 + 86_400_000
    connection.execute("UPDATE position SET closed_ms = ?, pnl = 5 WHERE id = ?", (next_day + 7, newest))
    seen = overview(connection)
    assert seen.last_day_ms == next_day
    assert (seen.last_day.count, seen.last_day.pnl, seen.last_day.wins) == (1, 5.0, 1)


def test_two_runs_over_the_same_days_are_not_added_up(connection: sqlite3.Connection) -> None:
    fill(connection, 60)
    first = overview(connection)
    fill(connection, 60)
    second = overview(connection)
    assert second.counts.closed_positions == 2 * first.counts.closed_positions
    assert first.recent.count > 0
    assert (second.last_day, second.recent) == (first.last_day, first.recent)


def test_work_and_trouble_are_shown(connection: sqlite3.Connection) -> None:
    ids = [jobs.enqueue(connection, kind="train", title="train cnn", arguments={}) for _ in range(3)]
    jobs.register_worker(connection, cpu_slots=2, gpu_slots=0)
    for _ in range(2):
        jobs.claim(connection, 1, {"cpu": 2}, 30.0)
    jobs.finish(connection, ids[0], 1, "failed", error="no memory")
    with transaction(connection):
        record_event(connection, "import", "all is well")
        record_event(connection, "import", "line 3: high below low", severity="error", subject="btc.csv")
    seen = overview(connection)
    assert [job.id for job in seen.running] == [ids[1]]
    assert [job.id for job in seen.waiting] == [ids[2]]
    assert [worker.condition for worker in seen.workers] == ["alive"]
    assert {trouble.text for trouble in seen.troubles} == {"no memory", "line 3: high below low"}


def test_the_newest_run_that_has_not_failed_is_the_latest(connection: sqlite3.Connection) -> None:
    assert latest_run_id(connection) is None
    with transaction(connection):
        first, second = add_run(connection), add_run(connection)
    connection.execute("UPDATE trading_run SET state = 'failed' WHERE id = ?", (second,))
    assert latest_run_id(connection) == first
    assert [run.id for run in list_runs(connection)] == [second, first]
    run = get_run(connection, first)
    assert run is not None and run.metrics == {} and run.ended_ms is None
    assert get_run(connection, 99) is None


def test_rejections_are_counted_by_rule(connection: sqlite3.Connection) -> None:
    run_id = fill(connection, 300)
    other = fill(connection, 30, seed=8)
    of_run = rejection_counts(connection, run_id)
    assert sum(rule.count for rule in of_run) == 100
    assert [rule.count for rule in of_run] == sorted((rule.count for rule in of_run), reverse=True)
    assert {(rule.stage, rule.code) for rule in of_run} == {
        ("risk", "exposure"),
        ("risk", "cooldown"),
        ("filter", "confidence"),
    }
    assert sum(rule.count for rule in rejection_counts(connection)) == 110
    assert sum(rule.count for rule in rejection_counts(connection, other)) == 10


def test_a_watch_sees_the_commits_of_others_once(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    watch = DatabaseWatch(workspace.database)
    assert not watch.changed()
    with transaction(connection):
        record_event(connection, "import", "something")
        assert not watch.changed()
    assert watch.changed()
    assert not watch.changed()
    with closing(connect(workspace.database, readonly=True)) as reader:
        reader.execute("SELECT count(*) FROM event").fetchall()
    assert not watch.changed()
    watch.close()
