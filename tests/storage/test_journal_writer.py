"""What a training loop hands over is read back to the bit, and by any reader of safetensors."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from storage.database import connect, transaction
from storage.errors import StorageError
from storage.journal import (
    JournalError,
    JournalLimits,
    JournalMissing,
    Layout,
    snapshot_at_or_before,
    stored_steps,
)
from storage.steps import get_step, journal_of, step_range
from storage.workspace import Workspace
from tests.conftest import Eventually
from tests.storage.journal_world import (
    LAYOUT,
    SMALL,
    assert_kept,
    begin_session,
    fill,
    journal_files,
    journalled,
    keep_steps,
    kept_files,
    made_step,
    open_writer,
    read_steps,
    snapshot_arrays,
)


def test_every_step_is_read_back_to_the_bit(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = journalled(workspace, connection, 47)
    stored = read_steps(workspace, session_id, 1, 47)
    assert [step.step for step in stored] == list(range(1, 48))
    for step in stored:
        assert_kept(step)
    shards = connection.execute(
        "SELECT first_step, last_step FROM journal_file WHERE kind = 'shard' ORDER BY id"
    ).fetchall()
    assert shards == [(1, 10), (11, 20), (21, 30), (31, 40), (41, 47)]
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)


def test_a_few_steps_of_the_middle_are_read_alone(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 30)
    assert [step.step for step in read_steps(workspace, session_id, 19, 22)] == [19, 20, 21, 22]
    assert read_steps(workspace, session_id, 5, 4) == []


def test_any_reader_of_safetensors_opens_a_shard(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 10)
    [path] = [path for path in kept_files(connection, session_id) if "steps" in path]
    arrays = load_file(workspace.root / path)
    assert arrays["step"].tolist() == list(range(1, 11))
    assert arrays["gradient"].tobytes() == b"".join(made_step(n).gradient.tobytes() for n in range(1, 11))
    assert arrays["absent"].shape == (10, 3)
    assert arrays["buffer/norm.count"].dtype == np.int64


def test_the_nearest_snapshot_is_found(workspace: Workspace, connection: sqlite3.Connection) -> None:
    limits = replace(SMALL, snapshot_steps=25)
    session_id = journalled(workspace, connection, 60, limits=limits)
    for asked, at in ((0, 0), (24, 0), (25, 25), (49, 25), (60, 50)):
        step, arrays = snapshot_at_or_before(connection, workspace, session_id, asked)
        assert step == at
        expected = snapshot_arrays(at)
        assert {name: array.tobytes() for name, array in arrays.items()} == {
            name: array.tobytes() for name, array in expected.items()
        }
        assert arrays["optimiser/trunk.weight/step"].shape == ()


@pytest.mark.parametrize(("compress", "packed"), [("auto", True), ("always", True), ("never", False)])
def test_gradients_that_shrink_are_packed(
    workspace: Workspace, connection: sqlite3.Connection, compress: str, packed: bool
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id, limits=replace(SMALL, compress=compress)) as writer:
        for number in range(1, 11):
            slot, made = writer.slot(), made_step(number)
            fill(slot, made)
            slot.gradient[20:] = 0.0
            writer.keep(slot, made.facts)
    path, size, raw = connection.execute(
        "SELECT path, bytes, raw_bytes FROM journal_file WHERE kind = 'shard'"
    ).fetchone()
    assert path.endswith(".safetensors.zst") is packed
    assert (size < raw / 2) is packed
    assert (workspace.root / path).stat().st_size == size
    stored = read_steps(workspace, session_id, 1, 10)
    assert all(not step.gradient[20:].any() for step in stored)
    assert all(
        step.gradient[:20].tobytes() == made_step(step.step).gradient[:20].tobytes() for step in stored
    )


def test_gradients_that_do_not_shrink_are_left_plain(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 10)
    assert not [path for path in kept_files(connection, session_id) if path.endswith(".zst")]


def test_what_an_absent_gradient_holds_is_not_kept(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        slot, made = writer.slot(), made_step(1)
        fill(slot, made)
        slot.absent[:] = [False, True, False]
        writer.keep(slot, made.facts)
    [stored] = read_steps(workspace, session_id, 1, 1)
    assert stored.absent.tolist() == [False, True, False]
    assert not stored.gradient[600:620].any() and stored.gradient[:600].all()


def test_a_sealed_step_is_on_the_disk_with_what_was_sealed(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        keep_steps(writer, 1, 3)
        writer.seal(lambda held: held.execute("UPDATE session SET note = 'sealed'"))
        with closing(connect(workspace.database, readonly=True)) as reader:
            assert [step.step for step in stored_steps(reader, workspace, session_id, 1, 3)] == [1, 2, 3]
            assert reader.execute("SELECT note FROM session").fetchone() == ("sealed",)
        keep_steps(writer, 4, 5)
    assert len(read_steps(workspace, session_id, 1, 5)) == 5


def test_what_is_sealed_with_steps_falls_with_them(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    writer = open_writer(workspace, session_id)
    writer.seal()
    keep_steps(writer, 1, 3)

    def refuse(held: sqlite3.Connection) -> None:
        held.execute("UPDATE session SET note = 'sealed'")
        raise StorageError("the checkpoint was refused")

    with pytest.raises(StorageError, match="checkpoint was refused"):
        writer.seal(refuse)
    with pytest.raises(StorageError, match="checkpoint was refused"):
        writer.slot()
    writer.abandon()
    assert connection.execute("SELECT count(*) FROM step").fetchone() == (0,)
    assert connection.execute("SELECT note FROM session").fetchone() == ("",)
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)


def test_an_old_shard_is_closed_although_no_step_follows(
    workspace: Workspace, connection: sqlite3.Connection, eventually: Eventually
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id, limits=replace(SMALL, shard_seconds=0.05)) as writer:
        keep_steps(writer, 1, 1)
        eventually(lambda: connection.execute("SELECT count(*) FROM step").fetchone() == (1,))


def test_a_step_out_of_turn_is_refused(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        keep_steps(writer, 1, 2)
        with pytest.raises(JournalError, match="step 4 was to be kept after step 2"):
            keep_steps(writer, 4, 4)
        with pytest.raises(JournalError, match="snapshot of step 1 was given after step 2"):
            writer.snapshot(1, snapshot_arrays(1))


def test_a_loop_that_is_faster_than_the_disk_waits_for_a_buffer(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    entered, held = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        entered.set()
        held.wait()

    with open_writer(workspace, session_id, limits=replace(SMALL, ring_bytes=1)) as writer:
        sealing = threading.Thread(target=writer.seal, args=(hold,))
        sealing.start()
        entered.wait()
        keep_steps(writer, 1, 2)
        release = threading.Timer(0.1, held.set)
        release.start()
        slot, made = writer.slot(), made_step(3)
        assert held.is_set(), "there are only two buffers, and both wait"
        fill(slot, made)
        writer.keep(slot, made.facts)
        sealing.join()
    assert len(read_steps(workspace, session_id, 1, 3)) == 3


def test_norms_come_for_the_curves(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        keep_steps(writer, 1, 5)
        writer.seal()
        taken = writer.norms()
        assert [step for step, _ in taken] == [1, 2, 3, 4, 5]
        assert list(taken[0][1]) == ["trunk", "head"]
        assert writer.norms() == []


def test_digests_alone_are_rows_without_files(workspace: Workspace, connection: sqlite3.Connection) -> None:
    full = journalled(workspace, connection, 12)
    digest = journalled(workspace, connection, 12, mode="digest")
    assert [path for path in kept_files(connection, digest) if "steps" in path] == []
    for column in ("weights_sha256", "gradient_sha256", "norms", "batch", "loss", "value"):
        query = f"SELECT {column} FROM step WHERE session_id = ? ORDER BY step"
        assert (
            connection.execute(query, (full,)).fetchall() == connection.execute(query, (digest,)).fetchall()
        )
    assert get_step(connection, digest, 3).kept == "digest"
    with pytest.raises(
        JournalMissing, match=r"step 1 .* norms and digests only: its journal was kept in digests"
    ):
        stored_steps(connection, workspace, digest, 1, 12)


def test_what_was_never_kept_is_missing_and_not_damaged(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 12)
    with pytest.raises(JournalMissing, match=r"step 13 .* was never kept: its journal ends at step 12"):
        stored_steps(connection, workspace, session_id, 10, 13)
    with pytest.raises(JournalMissing, match="not journalled"):
        snapshot_at_or_before(connection, workspace, session_id + 1, 5)


def test_a_closed_journal_takes_nothing_more(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    writer = open_writer(workspace, session_id)
    writer.close()
    writer.abandon()
    for call in (writer.slot, writer.seal, lambda: writer.snapshot(0, {})):
        with pytest.raises(JournalError, match="was closed"):
            call()
    journal = journal_of(connection, session_id)
    assert journal is not None and journal.state == "whole"


def test_an_abandoned_journal_keeps_what_was_sealed(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    writer = open_writer(workspace, session_id)
    keep_steps(writer, 1, 4)
    writer.seal()
    keep_steps(writer, 5, 6)
    writer.abandon()
    journal, known = journal_of(connection, session_id), step_range(connection, session_id)
    assert journal is not None and journal.state == "writing"
    assert known is not None and known.last == 4


def test_an_array_of_objects_cannot_be_kept(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    writer = open_writer(workspace, session_id)
    writer.snapshot(0, {"weights/a": np.array([object()])})
    with pytest.raises(JournalError, match="weights/a: an array of object"):
        writer.seal()
    writer.abandon()


def test_a_mode_that_writes_nothing_has_no_writer(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    with pytest.raises(JournalError, match="'off' is no mode"):
        open_writer(workspace, session_id, mode="off")


def test_the_limits_are_those_of_the_settings() -> None:
    from cointrader.settings import JournalSettings

    limits = JournalLimits.of(JournalSettings())
    assert limits == JournalLimits()
    assert JournalLimits.of(JournalSettings(budget_mb=0, shard_mb=1)) == JournalLimits(
        budget_bytes=0, shard_bytes=1_000_000
    )


def test_another_network_does_not_go_on_with_a_journal(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 3)
    with transaction(connection):
        connection.execute("UPDATE journal SET layout_json = ?", (Layout(LAYOUT.tensors[:3]).to_json(),))
    with pytest.raises(JournalError, match="begun with another network"):
        open_writer(workspace, session_id)
