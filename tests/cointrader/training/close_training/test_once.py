"""One close teaches one model once: by two workers at the same moment, by a job that is tried again."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from cointrader.training.close_training import session
from cointrader.training.close_training.caller import Caller
from cointrader.training.close_training.drain import Drain
from cointrader.training.session import train_agent
from models.errors import Diverged
from storage import jobs as queue
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.training.close_training.taught_world import caller, close_trades

pytestmark = pytest.mark.xdist_group("torch")

CLOSES = 3
TAUGHT = (
    "SELECT o.position_id, o.close_number, o.model, count(DISTINCT s.id) FROM outbox AS o "
    "LEFT JOIN step AS s ON s.session_id = o.session_id AND s.step = o.step "
    "WHERE o.state = 'trained' GROUP BY 1, 2, 3"
)
SESSIONS = (
    "SELECT agent, state, count(*) FROM session "
    "WHERE split_id IN (SELECT id FROM split WHERE kind = 'lessons') GROUP BY agent, state"
)


def check_once(connection: sqlite3.Connection) -> None:
    """Every close has taught CNN and DQN by one step of a session, and no step taught two."""
    rows = connection.execute(TAUGHT).fetchall()
    assert len(rows) == 2 * CLOSES and {row[3] for row in rows} == {1}
    steps = connection.execute("SELECT session_id, step FROM outbox WHERE state = 'trained'").fetchall()
    assert len(set(steps)) == len(steps) == 2 * CLOSES
    assert connection.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone() == (0,)


def worker_of(connection: sqlite3.Connection, said: list[str]) -> Caller:
    """A worker with a job of its own that drains the outbox."""
    queue.enqueue(connection, kind="train_closes", title="learn", arguments={})
    worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
    job = queue.claim(connection, worker, {"cpu": 1}, 600.0)
    assert job is not None
    return Caller(job.id, job.attempt, say=said.append)


def test_two_workers_that_drain_at_the_same_moment_teach_every_close_once(
    world: Workspace, opened: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_trades(world, opened, CLOSES)
    # Both have chosen the same lessons of the CNN before either begins its session.
    together = threading.Barrier(2, timeout=120.0)
    met: list[str] = []

    def wait_and_train(*arguments: object, **values: object) -> object:
        if len(met) < 2:
            met.append(threading.current_thread().name)
            together.wait()
        return train_agent(*arguments, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "train_agent", wait_and_train)
    said: list[str] = []
    callers = [worker_of(opened, said), worker_of(opened, said)]
    troubles: list[BaseException] = []

    def work(one: Caller) -> None:
        try:
            with closing(open_database(world)) as connection:
                Drain(world, connection, one).look()
        except BaseException as error:  # shown by the assertion below, which a thread cannot raise
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles and len(set(met)) == 2
    with closing(open_database(world)) as connection:
        while Drain(world, connection, callers[0]).look():
            pass
    check_once(opened)
    assert any("taught by another session already" in line for line in said)
    assert all(state == "succeeded" for _, state, _ in opened.execute(SESSIONS).fetchall())


def test_a_session_that_diverged_gives_its_closes_back_and_the_next_teaches_them_once(
    world: Workspace, opened: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_trades(world, opened, CLOSES)
    tries: list[object] = []

    def diverge_first(*arguments: object, **values: object) -> object:
        tries.append(arguments[1])
        if tries.count(arguments[1]) == 1:
            raise Diverged(2, "the loss is nan, the gradient's norm nan")
        return train_agent(*arguments, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "train_agent", diverge_first)
    drain = Drain(world, opened, caller(opened))
    assert drain.look() == 0
    waiting = opened.execute("SELECT DISTINCT state, tries, reason FROM outbox WHERE weight > 0").fetchall()
    assert [row[:2] for row in waiting] == [("waiting", 1)] and waiting[0][2].startswith("diverged: ")
    assert drain.look() == 2 * CLOSES
    check_once(opened)


def test_a_job_that_is_tried_again_goes_on_and_marks_what_was_taught_once(
    world: Workspace, opened: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_trades(world, opened, CLOSES)
    first = caller(opened)

    class Ended(Exception):
        """The process has ended."""

    def ended(*_: object) -> None:
        raise Ended

    with monkeypatch.context() as patch, pytest.raises(Ended):
        patch.setattr(session, "finish", ended)
        Drain(world, opened, first).look()
    assert opened.execute(SESSIONS).fetchall() == [("cnn", "succeeded", 1)]
    worker = queue.register_worker(opened, cpu_slots=1, gpu_slots=0)
    again = queue.claim(opened, worker, {"cpu": 1}, 60.0)
    assert again is not None and (again.id, again.attempt) == (first.job_id, first.attempt + 1)
    said: list[str] = []
    second = Caller(again.id, again.attempt, say=said.append)
    assert Drain(world, opened, second).look() == 2 * CLOSES
    check_once(opened)
    assert sum(line.startswith("CNN trained with weight ") for line in said) == CLOSES
    assert opened.execute(SESSIONS).fetchall() == [("cnn", "succeeded", 1), ("dqn", "succeeded", 1)]
