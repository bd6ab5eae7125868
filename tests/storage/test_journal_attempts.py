"""Attempts of one session: an orphan writes nothing, a successor's steps take the place of earlier ones."""

import random
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from storage.database import transaction
from storage.errors import StaleAttempt
from storage.journal import audit, snapshot_at_or_before
from storage.sessions import latest_checkpoint, update_session
from storage.steps import get_step, journal_of, step_range, steps_between
from storage.workspace import Workspace
from tests.storage.journal_world import (
    SMALL,
    FakeOptimiser,
    assert_kept,
    begin_session,
    journal_files,
    keep_steps,
    kept_files,
    open_writer,
    read_steps,
    snapshot_arrays,
)
from tests.storage.processes import kill, program, says
from tests.storage.rows import add_job


def events(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM event WHERE kind = 'journal' ORDER BY id")]


def left_open(workspace: Workspace, session_id: int, steps: int, **options: object) -> None:
    """An attempt that was killed after `steps` were recorded."""
    writer = open_writer(workspace, session_id, **options)
    keep_steps(writer, 1, steps)
    writer.seal()
    writer.abandon()


def test_an_orphan_writes_nothing_more(workspace: Workspace, connection: sqlite3.Connection) -> None:
    with transaction(connection):
        job_id = add_job(connection, attempt=1)
    session_id = begin_session(connection, job_id=job_id)
    orphan = open_writer(workspace, session_id)
    keep_steps(orphan, 1, 5)
    orphan.seal()
    connection.execute("UPDATE job SET attempt = 2")
    before = journal_files(workspace, session_id)
    keep_steps(orphan, 6, 9)
    with pytest.raises(StaleAttempt, match="attempt 1 may not write"):
        orphan.seal()
    with pytest.raises(StaleAttempt):
        orphan.slot()
    with pytest.raises(StaleAttempt):
        orphan.close()
    assert step_range(connection, session_id).last == 5  # type: ignore[union-attr]
    assert journal_files(workspace, session_id) == before == kept_files(connection, session_id)


def test_an_orphan_does_not_open_a_journal(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    update_session(connection, session_id, attempt=2)
    with pytest.raises(StaleAttempt):
        open_writer(workspace, session_id, 1)
    assert journal_of(connection, session_id) is None


def test_steps_computed_again_take_the_place_of_the_earlier_ones(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 37)
    with open_writer(workspace, session_id, 2, start_step=14) as writer:
        assert not writer.snapshot_due(14), "everything up to step 14 can be rebuilt"
        keep_steps(writer, 15, 45)
    attempts = [row.attempt for row in steps_between(connection, session_id, 1, 45)]
    assert attempts == [1] * 14 + [2] * 31
    for step in read_steps(workspace, session_id, 1, 45):
        assert_kept(step)
    files = connection.execute(
        "SELECT attempt, first_step, last_step FROM journal_file WHERE kind = 'shard' ORDER BY id"
    ).fetchall()
    assert files[:2] == [(1, 1, 10), (1, 11, 20)], "both still hold steps that count"
    assert {file[0] for file in files[2:]} == {2}, "those that only held replaced steps are gone"
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)
    journal = journal_of(connection, session_id)
    assert journal is not None and (journal.note, journal.state, journal.last_step) == ("", "whole", 45)
    assert journal.bytes == sum(
        (workspace.root / path).stat().st_size for path in kept_files(connection, session_id)
    )
    assert events(connection) == []


def test_until_they_are_computed_again_earlier_steps_stand(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 37)
    writer = open_writer(workspace, session_id, 2, start_step=14)
    keep_steps(writer, 15, 24)
    writer.seal()
    writer.abandon()
    assert [row.attempt for row in steps_between(connection, session_id, 1, 99)] == [1] * 14 + [2] * 10 + [
        1
    ] * 13
    for step in read_steps(workspace, session_id, 1, 37):
        assert_kept(step)


def test_the_drop_of_the_loss_goes_on_over_attempts(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 14)
    before = [row.value for row in steps_between(connection, session_id, 1, 14)]
    with open_writer(workspace, session_id, 2, start_step=7) as writer:
        keep_steps(writer, 8, 14)
    assert [row.value for row in steps_between(connection, session_id, 1, 14)] == before


def test_other_digests_are_said_and_the_other_future_is_dropped(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    limits = replace(SMALL, snapshot_steps=20)
    left_open(workspace, session_id, 45, limits=limits)
    writer = open_writer(workspace, session_id, 2, start_step=14, limits=limits)
    keep_steps(writer, 15, 17, seed=8)
    writer.seal()
    assert step_range(connection, session_id).last == 17  # type: ignore[union-attr]
    step, _ = snapshot_at_or_before(connection, workspace, session_id, 99)
    assert step == 0, "snapshots of the other future are gone with it"
    keep_steps(writer, 18, 40, seed=8)
    writer.close()
    journal = journal_of(connection, session_id)
    assert journal is not None
    assert "not comparable to the bit: attempt 2 computed step 15 again" in journal.note
    assert len(events(connection)) == 1 and "step 15" in events(connection)[0]
    for stored in read_steps(workspace, session_id, 1, 14):
        assert_kept(stored)
    for stored in read_steps(workspace, session_id, 15, 40):
        assert_kept(stored, seed=8)
    step, arrays = snapshot_at_or_before(connection, workspace, session_id, 99)
    assert step == 40
    np.testing.assert_array_equal(
        arrays["weights/trunk.weight"], snapshot_arrays(40, 8)["weights/trunk.weight"]
    )
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)
    assert audit(connection, workspace) == []


def test_another_machine_is_said(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 7)
    other = FakeOptimiser(torch_version="2.10.0", capability="AVX512")
    with open_writer(workspace, session_id, 2, start_step=7, optimiser=other) as writer:
        keep_steps(writer, 8, 9)
    journal = journal_of(connection, session_id)
    assert journal is not None
    assert journal.note == "not comparable to the bit: attempt 2 had another torch, instruction set"
    assert journal.torch_version == "2.9.0", "what the first attempt had stays on record"


def test_a_snapshot_is_due_where_the_steps_before_cannot_be_rebuilt(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 14)
    connection.execute("UPDATE journal_file SET state = 'pruned' WHERE kind = 'shard'")
    with open_writer(workspace, session_id, 2, start_step=14) as writer:
        keep_steps(writer, 15, 20)
    step, _ = snapshot_at_or_before(connection, workspace, session_id, 20)
    assert step == 14
    assert [stored.step for stored in read_steps(workspace, session_id, 15, 20)] == list(range(15, 21))


def test_a_session_keeps_the_mode_that_it_began_in(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 14)
    with open_writer(workspace, session_id, 2, start_step=7, mode="digest") as writer:
        assert writer.mode == "full"
        keep_steps(writer, 8, 16)
    assert len(read_steps(workspace, session_id, 1, 16)) == 16


def test_files_without_a_row_are_not_trusted_and_go(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    left_open(workspace, session_id, 14)
    folder = workspace.backprop / f"session-{session_id}" / "journal"
    (folder / "attempt-1-steps-00000015-00000024-0123456789ab.safetensors").write_bytes(b"an orphan")
    (folder / ".0123.partial").write_bytes(b"half a fi")
    open_writer(workspace, session_id, 2, start_step=14).abandon()
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)
    assert len(read_steps(workspace, session_id, 1, 14)) == 14


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_rows_and_files_agree_after_kills(
    workspace: Workspace, connection: sqlite3.Connection, kills: int
) -> None:
    session_id = begin_session(connection)
    chance = random.Random(kills)
    acknowledged = 0
    for attempt in range(1, kills + 1):
        with program("keep_steps", workspace.root, session_id, attempt) as process:
            for _ in range(chance.randint(1, 6)):
                acknowledged = int(says(process))
            kill(process)
            assert process.stdout is not None
            acknowledged = int(([acknowledged, *process.stdout.read().split()])[-1])
        checkpoint = latest_checkpoint(connection, session_id)
        assert checkpoint is not None and checkpoint.step >= acknowledged
        known = step_range(connection, session_id)
        assert known is not None and known.last >= checkpoint.step
        assert (known.first, known.count) == (1, known.last), "no step is missing"
        assert kept_files(connection, session_id) <= journal_files(workspace, session_id)
        stored = read_steps(workspace, session_id, 1, known.last)
        for step in (stored[0], stored[-1], *chance.sample(stored, 5)):
            assert_kept(step)
        assert get_step(connection, session_id, known.last).attempt == attempt
    assert audit(connection, workspace) == []
    open_writer(workspace, session_id, kills + 1, start_step=acknowledged).abandon()
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)
    assert events(connection) == [], "every attempt computed the same"
