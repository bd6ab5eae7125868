"""The budget of journals: what ends first, what is given up first, and what is said of it."""

import shutil
import sqlite3
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from storage.database import transaction
from storage.journal import JournalMissing, audit, snapshot_at_or_before, stored_steps
from storage.journal.budget import budget_of, used_bytes
from storage.sessions import update_session
from storage.steps import get_step, journal_of, step_range, steps_between
from storage.workspace import Workspace
from tests.storage.journal_world import (
    LAYOUT,
    SMALL,
    assert_kept,
    begin_session,
    journal_files,
    journalled,
    keep_steps,
    kept_files,
    open_writer,
    read_steps,
)

RING = replace(SMALL, ring_bytes=1)
"""Two buffers, so that little is on its way when the budget is met."""

ROOM_FOR_ABOUT_40 = 40 * LAYOUT.row_bytes + 6 * 3 * LAYOUT.state_bytes


def events(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM event WHERE kind = 'journal' ORDER BY id")]


def valued(connection: sqlite3.Connection, session_id: int, value: float) -> None:
    connection.execute("UPDATE journal SET training_value = ? WHERE session_id = ?", (value, session_id))


def test_a_budget_of_zero_keeps_digests_from_the_first_step(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    said: list[str] = []
    session_id = begin_session(connection)
    limits = replace(SMALL, budget_bytes=0)
    with open_writer(workspace, session_id, limits=limits, say=said.append) as writer:
        assert writer.mode == "digest"
        assert not writer.snapshot_due(0) and not writer.snapshot_due(500)
        keep_steps(writer, 1, 12)
    journal, known = journal_of(connection, session_id), step_range(connection, session_id)
    assert journal is not None and known is not None and known.count == 12
    assert (journal.mode, journal.digest_from_step, journal.bytes, journal.budget_bytes) == (
        "digest",
        1,
        0,
        0,
    )
    text = "the budget for journals is 0 MB: from the first step on only norms and digests are kept"
    assert journal.note == text
    assert said == [f"journal: {text}"] and events(connection) == [f"session {session_id}: {text}"]
    assert journal_files(workspace, session_id) == set()
    with pytest.raises(JournalMissing, match="from step 1 on its gradients were not kept"):
        stored_steps(connection, workspace, session_id, 1, 1)


def test_a_session_that_meets_the_budget_goes_on_in_digests_from_a_snapshot(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    said: list[str] = []
    session_id = begin_session(connection)
    limits = replace(RING, budget_bytes=ROOM_FOR_ABOUT_40)
    with open_writer(workspace, session_id, limits=limits, say=said.append) as writer:
        assert writer.mode == "full"
        keep_steps(writer, 1, 100)
        assert writer.mode == "digest"
    journal = journal_of(connection, session_id)
    assert journal is not None and journal.digest_from_step is not None and journal.mode == "digest"
    last_full = journal.digest_from_step - 1
    assert 30 <= last_full <= 60
    assert used_bytes(connection) <= ROOM_FOR_ABOUT_40
    assert used_bytes(connection) == sum(
        (workspace.root / path).stat().st_size for path in journal_files(workspace, session_id)
    )
    for step in read_steps(workspace, session_id, 1, last_full):
        assert_kept(step)
    assert snapshot_at_or_before(connection, workspace, session_id, 100)[0] == last_full
    assert [row.kept for row in steps_between(connection, session_id, last_full, last_full + 1)] == [
        "whole",
        "digest",
    ]
    assert step_range(connection, session_id).count == 100  # type: ignore[union-attr]
    assert len(said) == len(events(connection)) == 1
    assert f"is met after step {last_full}: from there on only norms and digests" in journal.note
    with pytest.raises(JournalMissing, match=f"from step {last_full + 1} on its gradients were not kept"):
        stored_steps(connection, workspace, session_id, last_full, last_full + 1)


def test_a_later_attempt_does_not_lose_gradients_that_are_kept(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    limits = replace(RING, budget_bytes=ROOM_FOR_ABOUT_40)
    writer = open_writer(workspace, session_id, limits=limits)
    keep_steps(writer, 1, 100)
    writer.seal()
    writer.abandon()
    whole = journal_of(connection, session_id).digest_from_step - 1  # type: ignore[union-attr, operator]
    with open_writer(workspace, session_id, 2, start_step=7, limits=limits) as writer:
        assert writer.mode == "digest"
        keep_steps(writer, 8, 100)
    for step in read_steps(workspace, session_id, 1, whole):
        assert_kept(step)
    assert get_step(connection, session_id, whole).attempt == 2


def test_the_session_that_is_worth_least_gives_up_its_gradients_first(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    worth = {journalled(workspace, connection, 20): value for value in (0.5, 0.1, 0.0, 0.9)}
    best, cheap, nothing, dearest = worth
    for session_id, value in worth.items():
        valued(connection, session_id, value)
    update_session(connection, nothing, state="running")
    used = used_bytes(connection)
    session_id = begin_session(connection)
    with open_writer(workspace, session_id, limits=replace(RING, budget_bytes=used)) as writer:
        keep_steps(writer, 1, 10)
        assert writer.mode == "full"
    states = dict(connection.execute("SELECT session_id, state FROM journal ORDER BY session_id").fetchall())
    assert states == {best: "whole", cheap: "pruned", nothing: "whole", dearest: "whole", session_id: "whole"}
    assert used_bytes(connection) <= used
    row = get_step(connection, cheap, 3)
    assert (row.kept, row.file_row) == ("pruned", 2), "rows stay"
    assert row.weights_sha256 == get_step(connection, best, 3).weights_sha256
    with pytest.raises(JournalMissing, match="given up for those of a later session"):
        stored_steps(connection, workspace, cheap, 1, 3)
    assert snapshot_at_or_before(connection, workspace, cheap, 3)[0] == 0
    assert journal_files(workspace, cheap) == kept_files(connection, cheap)
    assert len(read_steps(workspace, best, 1, 20)) == len(read_steps(workspace, dearest, 1, 20)) == 20
    assert next(text for text in events(connection) if "given up" in text).startswith(
        f"session {cheap}: its gradients"
    )
    assert audit(connection, workspace) == [], "what was given up is not damaged"


def test_when_nobody_can_give_up_more_it_is_said_that_the_budget_is_taken(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    other = journalled(workspace, connection, 20)
    update_session(connection, other, state="running")
    session_id = begin_session(connection)
    with open_writer(
        workspace, session_id, limits=replace(RING, budget_bytes=used_bytes(connection))
    ) as writer:
        keep_steps(writer, 1, 5)
    journal = journal_of(connection, session_id)
    assert journal is not None and (journal.mode, journal.digest_from_step) == ("digest", 1)
    assert "for journals are taken" in journal.note
    assert len(read_steps(workspace, other, 1, 20)) == 20


def test_nobody_gives_up_gradients_for_a_budget_that_holds_no_step(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    other = journalled(workspace, connection, 20)
    session_id = begin_session(connection)
    with open_writer(workspace, session_id, limits=replace(RING, budget_bytes=100)) as writer:
        keep_steps(writer, 1, 5)
    assert len(read_steps(workspace, other, 1, 20)) == 20


def test_gradients_that_are_packed_count_as_what_they_take(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    limits = replace(RING, budget_bytes=ROOM_FOR_ABOUT_40)
    with open_writer(workspace, session_id, limits=limits) as writer:
        for number in range(1, 101):
            slot = writer.slot()
            slot.gradient[:], slot.absent[:], slot.state[:] = 0.0, False, 0
            facts = SimpleNamespace(
                step=number, losses={}, batch=np.arange(4), learning_rate=0.1, priority=1.0, synced=False
            )
            writer.keep(slot, facts)
        assert writer.mode == "full", "zeros take next to nothing"
    assert len(read_steps(workspace, session_id, 1, 100)) == 100


def test_without_a_number_it_is_a_tenth_of_what_is_free_but_at_most_10_gb(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(SMALL, budget_bytes=None)
    for free, used, budget in ((5e9, 0, 5e8), (4e9, 1e9, 5e8), (1e12, 0, 1e10)):
        disk = SimpleNamespace(free=int(free))
        monkeypatch.setattr(shutil, "disk_usage", lambda path, disk=disk: disk)
        assert budget_of(workspace, limits, int(used)) == budget
    assert budget_of(workspace, SMALL, 0) == SMALL.budget_bytes


def test_a_crash_between_giving_up_and_deleting_is_made_good(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    old = journalled(workspace, connection, 20)
    journalled(workspace, connection, 20)
    with transaction(connection):
        connection.execute(
            "UPDATE journal_file SET state = 'pruned' WHERE session_id = ? AND kind = 'shard'", (old,)
        )
    session_id = begin_session(connection)
    with open_writer(
        workspace, session_id, limits=replace(RING, budget_bytes=used_bytes(connection))
    ) as writer:
        keep_steps(writer, 1, 3)
    assert journal_files(workspace, old) == kept_files(connection, old)
