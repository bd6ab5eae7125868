"""In which mode a session's steps are kept, and what of it cannot change while it lasts."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from cointrader.settings import JournalSettings, Settings, WorkerSettings
from cointrader.training.journalling import open_journal
from cointrader.training.session import TrainingStopped, train_agent
from models.step_journal import JournalLayout, JournalRefused, OptimiserFacts, TensorSpec
from storage.database import transaction
from storage.sessions import SessionRow, create_session, get_session
from storage.steps import journal_of
from storage.workspace import Workspace
from tests.cointrader.training.journalled import SMALL_CNN
from tests.cointrader.training.stored_candles import claimed_job, store_candles, take_over
from tests.models.walks import random_walk

LAYOUT = JournalLayout((TensorSpec("line.weight", (2, 3), "float32", "parameter", "line"),))
ADAM = OptimiserFacts("Adam", {"implementation": "foreach", "groups": []}, "2", "AVX2", "AVX2", 1)
FUSED = dataclasses.replace(ADAM, obstacle="the fused Adam steps to other bits; make it with foreach=True")


@pytest.fixture
def session(connection: sqlite3.Connection) -> SessionRow:
    session_id = create_session(
        connection, agent="cnn", job_id=None, attempt=1, seed=0, params_json="{}", dataset_id=None,
        split_id=None, threads=1, device="cpu", capability="AVX2", total_steps=9,
    )  # fmt: skip
    return get_session(connection, session_id)


def mode_of(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session: SessionRow,
    settings: JournalSettings,
    optimiser: OptimiserFacts = ADAM,
    start_step: int = 0,
) -> tuple[str, list[str]]:
    said: list[str] = []
    journal = open_journal(
        workspace, connection, session, settings, LAYOUT, optimiser, start_step=start_step, say=said.append
    )
    journal.abandon()
    return journal.mode, said


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        (JournalSettings(), "full"),
        (JournalSettings(full_parameters=5), "digest"),
        (JournalSettings(mode="full", full_parameters=5), "full"),
        (JournalSettings(mode="digest"), "digest"),
        (JournalSettings(mode="off"), "off"),
    ],
)
def test_the_settings_choose_the_mode(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session: SessionRow,
    settings: JournalSettings,
    mode: str,
) -> None:
    assert mode_of(workspace, connection, session, settings)[0] == mode
    begun = journal_of(connection, session.id)
    assert (None if begun is None else begun.mode) == (None if mode == "off" else mode)


def test_steps_that_could_not_be_made_again_are_refused_in_full_and_kept_as_digests_otherwise(
    workspace: Workspace, connection: sqlite3.Connection, session: SessionRow
) -> None:
    with pytest.raises(JournalRefused, match=r"the fused Adam .* choose auto or digest"):
        mode_of(workspace, connection, session, JournalSettings(mode="full"), FUSED)
    assert journal_of(connection, session.id) is None
    mode, said = mode_of(workspace, connection, session, JournalSettings(), FUSED)
    assert mode == "digest"
    assert said == [f"journal: {FUSED.obstacle}; only norms and digests are kept"]


def test_a_session_keeps_the_mode_it_began_with(
    workspace: Workspace, connection: sqlite3.Connection, session: SessionRow
) -> None:
    assert mode_of(workspace, connection, session, JournalSettings(mode="digest"))[0] == "digest"
    assert mode_of(workspace, connection, session, JournalSettings(mode="off"))[0] == "digest"


def test_a_session_that_began_without_a_journal_gets_none_in_its_middle(
    workspace: Workspace, connection: sqlite3.Connection, session: SessionRow
) -> None:
    assert mode_of(workspace, connection, session, JournalSettings(), start_step=4)[0] == "off"


def test_a_budget_of_zero_keeps_digests_from_the_first_step_on_and_says_so(
    workspace: Workspace, connection: sqlite3.Connection, session: SessionRow
) -> None:
    mode, said = mode_of(workspace, connection, session, JournalSettings(budget_mb=0))
    assert mode == "digest"
    assert any("budget" in line and "first step" in line for line in said)


@pytest.mark.xdist_group("torch")
def test_a_checkpoint_and_the_steps_up_to_it_are_recorded_together(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_candles(workspace, connection, random_walk(3_000, seed=1))
    seen: list[tuple[int, int]] = []

    def look(line: str) -> None:
        if line.startswith("checkpoint"):
            query = "SELECT max(step), (SELECT max(step) FROM step) FROM checkpoint"
            seen.append(connection.execute(query).fetchone())

    settings = Settings(journal=JournalSettings(shard_seconds=3_600.0))
    often = dataclasses.replace(settings.worker, checkpoint_seconds=0.1)
    train_agent(
        workspace, "cnn", SMALL_CNN | {"steps": 150}, settings=dataclasses.replace(settings, worker=often),
        say=look,
    )  # fmt: skip
    assert seen
    assert all(checkpoint == step for checkpoint, step in seen)


@pytest.mark.xdist_group("torch")
def test_an_attempt_on_other_instructions_says_that_bits_are_not_comparable(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, random_walk(3_000, seed=1))
    job_id = claimed_job(connection)
    often = Settings(worker=WorkerSettings(metric_seconds=0.01))
    with pytest.raises(TrainingStopped):
        train_agent(workspace, "cnn", SMALL_CNN, job_id=job_id, settings=often, interrupted=lambda: True)
    with transaction(connection):
        connection.execute("UPDATE journal SET onednn_isa = 'SSE41'")
    result = train_agent(workspace, "cnn", SMALL_CNN, job_id=job_id, attempt=take_over(connection))
    journal = journal_of(connection, result.session_id)
    assert journal is not None
    assert "not comparable to the bit: attempt 2 had another oneDNN instruction set" in journal.note
