"""Any step of a stored session is stepped to again, bit for bit, or it is said why it cannot be."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cointrader.settings import JournalSettings, Settings, WorkerSettings
from cointrader.training.rebuild import BaseDiffers, reapply, rebuild, verify, weights_at
from cointrader.training.session import train_agent
from models.backprop.stepping import ShapesDiffer
from storage.database import open_database, transaction
from storage.errors import StorageError
from storage.journal import JournalDamaged, JournalMissing
from storage.sessions import get_session
from storage.steps import get_step, journal_of
from storage.workspace import Workspace
from tests.cointrader.training.journalled import SMALL_CNN, SNAPSHOT_STEPS, STEPS, journalled_workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.conftest import copy_workspace
from tests.models.walks import random_walk

pytestmark = pytest.mark.xdist_group("torch")

FUSED = (
    """optimiser_json = replace(optimiser_json, '"implementation": "foreach"', '"implementation": "fused"')"""
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one journalled session of the CNN; do not write to it."""
    return journalled_workspace(tmp_path_factory.mktemp("trained") / "workspace")


@pytest.fixture
def past(trained: Workspace) -> Iterator[sqlite3.Connection]:
    """A connection to the trained workspace, to read."""
    with closing(open_database(trained)) as opened:
        yield opened


@pytest.fixture
def mine(trained: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it, to be tampered with."""
    return copy_workspace(trained, tmp_path / "copy")


def tampered(workspace: Workspace, assignment: str) -> sqlite3.Connection:
    connection = open_database(workspace)
    with transaction(connection):
        connection.execute(f"UPDATE journal SET {assignment}")
    return connection


def test_ten_steps_are_rebuilt_to_the_digests_that_training_recorded(
    trained: Workspace, past: sqlite3.Connection
) -> None:
    for step in [1, STEPS, *random.Random(0).sample(range(2, STEPS), 8)]:
        rebuilt = rebuild(trained, past, 1, step)
        assert rebuilt.recorded == get_step(past, 1, step).weights_sha256
        assert (rebuilt.match, rebuilt.comparable, rebuilt.why) == (True, True, "")
        assert rebuilt.snapshot == step // SNAPSHOT_STEPS * SNAPSHOT_STEPS
        assert rebuilt.words == "bit for bit what training recorded"


def test_each_step_has_weights_of_its_own(trained: Workspace, past: sqlite3.Connection) -> None:
    ((different,),) = past.execute("SELECT count(DISTINCT weights_sha256) FROM step").fetchall()
    assert different == STEPS - 1  # the learning rate has fallen to zero at the last one
    _, before = weights_at(trained, past, 1, 7)
    _, after = weights_at(trained, past, 1, 8)
    assert before.keys() == after.keys()
    assert all((before[name] != after[name]).any() for name in before)


def test_the_journal_says_on_what_its_bits_depend(trained: Workspace, past: sqlite3.Connection) -> None:
    import torch

    journal = journal_of(past, 1)
    assert journal is not None
    assert (journal.mode, journal.state, journal.optimiser) == ("full", "whole", "AdamW")
    assert journal.torch_version == torch.__version__
    assert journal.capability == torch.backends.cpu.get_cpu_capability()
    assert journal.onednn_isa and journal.threads == get_session(past, 1).threads == 1
    assert journal.last_step == STEPS


def test_gradients_are_computed_again_to_the_recorded_digests(
    trained: Workspace, past: sqlite3.Connection
) -> None:
    seen: list[tuple[int, int]] = []
    verified = verify(trained, past, 1, 30, 33, progress=lambda done, total: seen.append((done, total)))
    assert [step.step for step in verified.steps] == [30, 31, 32, 33]
    assert (verified.match, verified.comparable, verified.why) == (True, True, "")
    assert [step.recorded for step in verified.steps] == [
        get_step(past, 1, step).gradient_sha256 for step in range(30, 34)
    ]
    assert seen[-1] == (4, 4)


def test_a_gradient_of_another_dataset_does_not_verify(mine: Workspace) -> None:
    with closing(open_database(mine)) as connection:
        with transaction(connection):
            connection.execute("UPDATE session SET seed = seed + 1")
        verified = verify(mine, connection, 1, 30)
    assert not verified.match and verified.comparable
    assert "though nothing differs that they depend on" in verified.words


@pytest.mark.parametrize(
    ("assignment", "why"),
    [
        ("capability = 'AVX2000'", "the instruction set of ATen was AVX2000"),
        ("torch_version = '1.0.0'", r"torch was 1\.0\.0, here it is"),
        (FUSED, "it was stepped by the fused AdamW, and foreach"),
    ],
)
def test_what_other_bits_can_come_from_is_called_not_comparable(
    mine: Workspace, assignment: str, why: str
) -> None:
    with closing(tampered(mine, assignment)) as connection:
        rebuilt = rebuild(mine, connection, 1, 12)
        assert not rebuilt.comparable
        assert re.search(f"^not comparable: {why}", rebuilt.words)
        assert rebuilt.match and rebuilt.why.endswith("the digests agree all the same")
        with transaction(connection):
            connection.execute("UPDATE step SET weights_sha256 = 'other' WHERE step = 12")
        missed = rebuild(mine, connection, 1, 12)
        assert (missed.match, missed.comparable) == (False, False)
        assert "damage" not in missed.words and "corrupt" not in missed.words


@pytest.mark.parametrize("assignment", ["onednn_isa = 'SSE41'", "threads = 7"])
def test_a_gradient_depends_on_more_than_a_step(mine: Workspace, assignment: str) -> None:
    with closing(tampered(mine, assignment)) as connection:
        assert rebuild(mine, connection, 1, 12).comparable
        verified = verify(mine, connection, 1, 12)
        assert not verified.comparable
        assert "not comparable: the " in verified.words


def test_other_bits_without_a_reason_are_said_to_be_a_surprise(mine: Workspace) -> None:
    with closing(open_database(mine)) as connection:
        with transaction(connection):
            connection.execute("UPDATE step SET learning_rate = learning_rate * 2 WHERE step = 10")
        assert rebuild(mine, connection, 1, 9).match
        missed = rebuild(mine, connection, 1, 12)
    assert (missed.match, missed.comparable) == (False, True)
    assert missed.words.startswith("other bits than training recorded, though nothing differs")


def test_stored_gradients_are_applied_to_the_weights_they_came_from_and_to_no_others(
    trained: Workspace, past: sqlite3.Connection
) -> None:
    _, base = weights_at(trained, past, 1, 19)
    applied = reapply(trained, past, 1, 20, 40, base)
    assert (applied.match, applied.comparable) == (True, True)
    assert applied.digest == get_step(past, 1, 40).weights_sha256
    _, other = weights_at(trained, past, 1, 20)
    with pytest.raises(BaseDiffers, match="take those after step 19"):
        reapply(trained, past, 1, 20, 40, other)
    one_bit_off = {name: array.copy() for name, array in base.items()}
    one_bit_off["trust.bias"].view(np.uint32)[0] ^= 1
    with pytest.raises(BaseDiffers):
        reapply(trained, past, 1, 20, 40, one_bit_off)


def test_the_first_weights_are_a_base_like_any_other(trained: Workspace, past: sqlite3.Connection) -> None:
    from models.backprop.snapshots import weights_of
    from models.cnn.network import new_network

    base = weights_of(new_network(8, 8, seed=5))
    assert reapply(trained, past, 1, 1, 5, base).match
    with pytest.raises(BaseDiffers):
        reapply(trained, past, 1, 1, 5, weights_of(new_network(8, 8, seed=6)))


def test_weights_of_an_agent_of_another_shape_are_refused(
    trained: Workspace, past: sqlite3.Connection
) -> None:
    from models.backprop.snapshots import weights_of
    from models.cnn.network import new_network

    with pytest.raises(ShapesDiffer, match="the journal has float32"):
        reapply(trained, past, 1, 1, 5, weights_of(new_network(16, 8, seed=5)))


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(mine: Workspace) -> None:
    with closing(open_database(mine)) as connection:
        ((path,),) = connection.execute(
            "SELECT path FROM journal_file WHERE kind = 'snapshot' AND first_step = 25"
        ).fetchall()
        (mine.root / path).write_bytes(b"nothing")
        rebuilt = rebuild(mine, connection, 1, 30)
        assert rebuilt.match and rebuilt.snapshot == 0


def test_a_damaged_shard_is_named_with_its_session_and_step(mine: Workspace) -> None:
    with closing(open_database(mine)) as connection:
        for (path,) in connection.execute("SELECT path FROM journal_file WHERE kind = 'shard'").fetchall():
            content = bytearray((mine.root / path).read_bytes())
            content[len(content) // 2] ^= 1
            (mine.root / path).write_bytes(content)
        with pytest.raises(JournalDamaged, match=r"session 1, from step .* attempt-1-steps"):
            rebuild(mine, connection, 1, 30)


def test_a_step_or_a_journal_that_there_is_not_is_said_to_be_missing(
    trained: Workspace, past: sqlite3.Connection, workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with pytest.raises(StorageError, match="session 1 has no step 61; steps 1 to 60 are kept"):
        rebuild(trained, past, 1, STEPS + 1)
    store_candles(workspace, connection, random_walk(3_000, seed=1))
    train_agent(workspace, "cnn", SMALL_CNN | {"steps": 20}, settings=kept("off"))
    with pytest.raises(JournalMissing, match="has no journal: its steps were not kept"):
        rebuild(workspace, connection, 1, 5)


def kept(mode: str) -> Settings:
    return Settings(worker=WorkerSettings(), journal=JournalSettings(mode=mode))


def test_a_session_kept_in_digests_is_verified_from_its_snapshots(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, random_walk(3_000, seed=1))
    result = train_agent(workspace, "cnn", SMALL_CNN | {"steps": 20}, seed=5, settings=kept("digest"))
    assert connection.execute("SELECT count(*) FROM journal_file WHERE kind = 'shard'").fetchone() == (0,)
    with pytest.raises(JournalMissing, match="kept as norms and digests only"):
        rebuild(workspace, connection, result.session_id, 5)
    verified = verify(workspace, connection, result.session_id, 4, 6)
    assert verified.match and [step.step for step in verified.steps] == [4, 5, 6]


def test_the_mode_changes_nothing_of_what_is_learned(
    trained: Workspace, past: sqlite3.Connection, tmp_path: Path
) -> None:
    wanted = get_session(past, 1).weights_sha256
    for mode in ("off", "digest"):
        other = copy_workspace(trained, tmp_path / mode)
        shutil.rmtree(other.backprop)
        result = train_agent(other, "cnn", SMALL_CNN, seed=5, settings=kept(mode))
        with closing(open_database(other)) as connection:
            assert get_session(connection, result.session_id).weights_sha256 == wanted


def test_a_session_has_the_value_of_its_steps_times_what_it_gained(
    trained: Workspace, past: sqlite3.Connection
) -> None:
    session, journal = get_session(past, 1), journal_of(past, 1)
    assert journal is not None and session.value is not None and session.baseline is not None
    drops = [abs(b - a) for a, b in losses(past)]
    mean = sum(drops) / STEPS
    gained = max(0.0, session.value - session.baseline)
    assert journal.training_value == pytest.approx(mean * gained)


def losses(connection: sqlite3.Connection) -> list[tuple[float, float]]:
    found = [row[0] for row in connection.execute("SELECT loss FROM step ORDER BY step").fetchall()]
    return list(pairwise(found))
