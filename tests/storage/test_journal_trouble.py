"""A full disk, a locked database, a file that was changed: each is said, and nothing is half-believed."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from storage.database import connect
from storage.errors import DatabaseLocked, DiskFull
from storage.journal import (
    JournalDamaged,
    JournalMissing,
    audit,
    snapshot_at_or_before,
    stored_steps,
)
from storage.journal import (
    writer as writer_module,
)
from storage.steps import step_range
from storage.workspace import Workspace
from tests.storage.journal_world import (
    LAYOUT,
    SMALL,
    begin_session,
    fill,
    journal_files,
    journalled,
    keep_steps,
    kept_files,
    made_step,
    open_writer,
    read_steps,
)
from tests.storage.processes import PROGRAMS, REPOSITORY, program, says

DAMAGED_STEP = 17


def shard_of(workspace: Workspace, connection: sqlite3.Connection, step: int) -> Path:
    [(path,)] = connection.execute(
        "SELECT file.path FROM step JOIN journal_file AS file ON file.id = step.file_id WHERE step.step = ?",
        (step,),
    ).fetchall()
    return workspace.root / path


def flip(path: Path, offset: int) -> None:
    """Changes one bit."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def gradient_offset(path: Path, step: int) -> int:
    """Where the gradient of a step lies in its shard."""
    return path.read_bytes().index(made_step(step).gradient.tobytes())


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1000)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: flip(path, gradient_offset(path, DAMAGED_STEP) + 5), "was changed"),
        (lambda path: flip(path, 20), "was changed"),
        (truncate, "was changed"),
        (Path.unlink, "cannot be read"),
    ],
)
def test_a_damaged_shard_is_not_parsed(
    workspace: Workspace, connection: sqlite3.Connection, damage: Callable[[Path], None], words: str
) -> None:
    session_id = journalled(workspace, connection, 30)
    path = shard_of(workspace, connection, DAMAGED_STEP)
    damage(path)
    assert len(read_steps(workspace, session_id, 1, 10)) == 10, "other files are read"
    found = stored_steps(connection, workspace, session_id, 9, 25)
    assert [next(found).step, next(found).step] == [9, 10]
    with pytest.raises(
        JournalDamaged, match=f"session {session_id}, from step 11: {path.name} {words}"
    ) as caught:
        next(found)
    assert (caught.value.session_id, caught.value.step, caught.value.file) == (session_id, 11, path.name)


def test_a_damaged_snapshot_is_not_parsed(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = journalled(workspace, connection, 30, limits=replace(SMALL, snapshot_steps=20))
    [(path,)] = connection.execute(
        "SELECT path FROM journal_file WHERE kind = 'snapshot' AND first_step = 20"
    ).fetchall()
    flip(workspace.root / path, 400)
    with pytest.raises(JournalDamaged, match="from step 20"):
        snapshot_at_or_before(connection, workspace, session_id, 25)
    assert snapshot_at_or_before(connection, workspace, session_id, 19)[0] == 0


@pytest.mark.parametrize("part", ["gradient", "absent", "step", "header", "buffer"])
def test_the_audit_names_session_step_and_file_of_one_flipped_bit(
    workspace: Workspace, connection: sqlite3.Connection, part: str
) -> None:
    journalled(workspace, connection, 5)
    session_id = journalled(workspace, connection, 30)
    connection.execute("DELETE FROM step WHERE session_id <> ?", (session_id,))
    path = shard_of(workspace, connection, DAMAGED_STEP)
    size = path.stat().st_size
    gradient = gradient_offset(path, DAMAGED_STEP)
    offset = {
        "gradient": gradient + 4 * LAYOUT.gradient_size - 1,
        "absent": size - 3 * (20 - DAMAGED_STEP + 1),
        "step": gradient - (DAMAGED_STEP - 11) * 4 * LAYOUT.gradient_size - 1,
        "header": 30,
        "buffer": size - 60,
    }[part]
    flip(path, offset)
    [damage] = audit(connection, workspace)
    assert (damage.kind, damage.session, damage.file) == ("shard", session_id, path.name)
    assert damage.path == path.relative_to(workspace.root).as_posix()
    if part in ("gradient", "absent"):
        assert damage.step == DAMAGED_STEP
        assert damage.what.endswith(f"the gradient of step {DAMAGED_STEP} is another")
    else:
        assert damage.step == 11
        assert damage.what.endswith("it holds steps 11 to 20")
    flip(path, offset)
    assert audit(connection, workspace) == []


def test_the_audit_names_a_packed_shard_by_its_first_step(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    journalled(workspace, connection, 30, limits=replace(SMALL, compress="always"))
    path = shard_of(workspace, connection, DAMAGED_STEP)
    flip(path, path.stat().st_size // 2)
    [damage] = audit(connection, workspace)
    assert (damage.step, damage.file) == (11, path.name)
    truncate(path)
    [damage] = audit(connection, workspace)
    assert "bytes, and had" in damage.what
    path.unlink()
    [damage] = audit(connection, workspace)
    assert damage.what == "cannot be read: No such file or directory"


def test_a_row_that_points_at_another_step_is_found(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 30)
    connection.execute("UPDATE step SET file_row = file_row + 1 WHERE step = ?", (DAMAGED_STEP,))
    with pytest.raises(JournalDamaged, match="does not hold step 17 where its row says"):
        read_steps(workspace, session_id, DAMAGED_STEP, DAMAGED_STEP)


def test_a_shard_that_is_given_up_while_it_is_read_is_missing(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 30)
    found = stored_steps(connection, workspace, session_id, 1, 30)
    next(found)
    path = shard_of(workspace, connection, 25)  # the shard after the one that is read ahead
    connection.execute("UPDATE journal_file SET state = 'pruned' WHERE kind = 'shard'")
    path.unlink()
    with pytest.raises(JournalMissing, match="step 21"):
        list(found)


def test_a_full_disk_keeps_no_half_shard(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = begin_session(connection)
    writer = open_writer(workspace, session_id)
    keep_steps(writer, 1, 10)
    writer.seal()

    def no_room(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    keep_steps(writer, 11, 14)
    with pytest.raises(DiskFull, match="free some space"):
        writer.seal()
    with pytest.raises(DiskFull):
        writer.slot()
    monkeypatch.undo()
    writer.abandon()
    assert step_range(connection, session_id).last == 10  # type: ignore[union-attr]
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)
    with open_writer(workspace, session_id, 1, start_step=10) as again:
        keep_steps(again, 11, 14)
    assert len(read_steps(workspace, session_id, 1, 14)) == 14


def test_a_database_without_room_keeps_no_file_of_the_journal(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = begin_session(connection)

    def small(path: Path) -> sqlite3.Connection:
        opened = connect(path)
        opened.execute(f"PRAGMA max_page_count = {opened.execute('PRAGMA page_count').fetchone()[0] + 4}")
        return opened

    monkeypatch.setattr(writer_module, "connect", small)
    writer = open_writer(workspace, session_id)
    with pytest.raises(DiskFull):
        keep_steps(writer, 1, 1000)
    writer.abandon()
    count = connection.execute("SELECT count(*) FROM step").fetchone()[0]
    assert len(read_steps(workspace, session_id, 1, count)) == count
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)


def test_a_truly_full_disk_leaves_files_and_rows_that_agree(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare here: a small file system cannot be mounted")
    done = subprocess.run(
        [
            unshare,
            "--user",
            "--map-root-user",
            "--mount",
            sys.executable,
            str(PROGRAMS / "fill_the_disk.py"),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )
    if "no mount" in done.stdout or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a small file system")
    assert done.returncode == 0, done.stderr
    error, counts, agree = done.stdout.split("\n")[:3]
    recorded, read = counts.split()
    assert (error, agree) == ("DiskFull", "True")
    assert recorded == read != "0"


def test_a_writer_waits_for_another_process_that_holds_the_database(
    workspace: Workspace, connection: sqlite3.Connection, eventually: Callable[[Callable[[], object]], object]
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        writer.seal()
        with program("hold_the_lock", workspace.database) as holder:
            assert says(holder) == "held"
            keep_steps(writer, 1, 15)  # the shard of the first ten is written and waits for its transaction
            eventually(lambda: len(journal_files(workspace, session_id)) == 2)
            assert kept_files(connection, session_id) != journal_files(workspace, session_id)
            release = threading.Timer(1.0, holder.kill)
            release.start()
            writer.seal()
            assert holder.wait() != 0, "it was sealed only after the lock was gone"
    assert len(read_steps(workspace, session_id, 1, 15)) == 15


def test_a_writer_that_never_gets_the_database_says_so(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = begin_session(connection)
    monkeypatch.setattr(writer_module, "connect", lambda path: connect(path, busy_timeout_ms=50))
    writer = open_writer(workspace, session_id)
    writer.seal()
    with program("hold_the_lock", workspace.database) as holder:
        assert says(holder) == "held"
        keep_steps(writer, 1, 3)
        with pytest.raises(DatabaseLocked, match=r"is locked by .*try again"):
            writer.seal()
    writer.abandon()
    assert journal_files(workspace, session_id) == kept_files(connection, session_id)


def test_a_loop_that_waits_for_a_buffer_is_told_of_the_error(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = begin_session(connection)
    limits = replace(SMALL, ring_bytes=1, shard_bytes=1)
    monkeypatch.setattr(writer_module, "connect", lambda path: connect(path, busy_timeout_ms=300))
    writer = open_writer(workspace, session_id, limits=limits)
    writer.seal()
    with program("hold_the_lock", workspace.database) as holder:
        assert says(holder) == "held"
        with pytest.raises(DatabaseLocked):
            for number in range(1, 100):
                slot, made = writer.slot(), made_step(number)
                fill(slot, made)
                writer.keep(slot, made.facts)
    writer.abandon()


def test_reading_while_it_is_written_sees_whole_shards(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        keep_steps(writer, 1, 25)
        with closing(connect(workspace.database, readonly=True)) as reader:
            count = reader.execute("SELECT count(*) FROM step").fetchone()[0]
            assert len(list(stored_steps(reader, workspace, session_id, 1, count))) == count
