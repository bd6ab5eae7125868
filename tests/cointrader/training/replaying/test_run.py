"""A replay trains two sessions on one split, keeps every step of both, and says what came of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cointrader.settings import Settings
from cointrader.training.datasets import load_dataset
from cointrader.training.rebuild import rebuild
from cointrader.training.replaying.caller import Caller
from cointrader.training.replaying.errors import (
    NoSetups,
    ReplayRefused,
    SetupNotValidated,
    UnknownSetup,
    WaitingForEpisodes,
)
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from cointrader.training.replaying.run import run_replay
from storage.database import open_database
from storage.errors import FilterError, StorageError
from storage.replays import get_replay, list_replays
from storage.sessions import get_session
from storage.steps import step_range
from storage.workspace import Workspace
from tests.cointrader.training.replaying.walked_workspace import SMALL_CNN, walked_workspace

pytestmark = pytest.mark.xdist_group("torch")

STEPS = int(SMALL_CNN["steps"])
PROFITABLE = ReplayRequest(ReplayKind.PROFITABLE, "cnn", top=200, seed=4, params=SMALL_CNN)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return walked_workspace(tmp_path_factory.mktemp("walked") / "workspace")


@pytest.fixture(scope="module")
def connection(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(open_database(workspace)) as opened:
        yield opened


@pytest.fixture(scope="module")
def record(workspace: Workspace, connection: sqlite3.Connection) -> dict[str, Any]:
    return run_replay(workspace, connection, PROFITABLE, Caller())


def sessions(record: dict[str, Any]) -> tuple[int, int]:
    return record["replayed"]["session_id"], record["control"]["session_id"]


def test_both_sessions_have_one_split_one_seed_and_as_many_steps(
    connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    replayed, control = (get_session(connection, number) for number in sessions(record))
    assert (replayed.seed, control.seed) == (4, 4)
    assert replayed.params_json == control.params_json
    assert replayed.step == control.step == STEPS
    cuts = connection.execute(
        "SELECT sha256 FROM split WHERE id IN (?, ?)", (replayed.split_id, control.split_id)
    ).fetchall()
    assert len(cuts) == 2 and cuts[0] == cuts[1]
    assert replayed.dataset_id != control.dataset_id
    assert replayed.weights_sha256 != control.weights_sha256


def test_the_row_tells_both_values_their_error_and_the_sentence(
    connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    row = get_replay(connection, record["replay"])
    assert (row.kind, row.agent, row.state, row.metric) == ("profitable", "cnn", "succeeded", "pivot_auc")
    assert (row.session_id, row.control_session_id) == sessions(record)
    assert (row.value, row.control_value, row.baseline) == (record["value"], record["control_value"], 0.5)
    assert row.standard_error == record["standard_error"] > 0
    assert row.words == record["words"]
    assert row.words.startswith("no better than its control out of sample (")
    assert row.selection["top"] == 200 and row.ended_ms is not None
    assert "net return >= -109.9 bps" in row.result["eligible"]
    assert "net return >= +42.4 bps" in row.result["profitable"]
    assert "promotes nothing by itself" in row.result["promotion"]
    json.dumps(record, allow_nan=False)


def test_every_step_of_both_sessions_can_be_rebuilt_to_the_bit(
    workspace: Workspace, connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    for session_id in sessions(record):
        kept = step_range(connection, session_id)
        assert kept is not None and (kept.first, kept.last, kept.count) == (1, STEPS, STEPS)
        for step in range(kept.first, kept.last + 1):
            assert rebuild(workspace, connection, session_id, step).match


def test_the_training_counts_of_exactly_the_replayed_setups_went_up(
    workspace: Workspace, connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    counts = connection.execute(
        "SELECT training_count, score, id FROM setup WHERE training_count > 0"
    ).fetchall()
    assert sum(row[0] for row in counts) == STEPS * 32
    dataset_id = get_session(connection, sessions(record)[0]).dataset_id
    dataset = load_dataset(workspace, connection, dataset_id or 0)
    chosen = set(dataset.arrays["replay_setup"][dataset.arrays["replay_probability"] > 0].tolist())
    assert len(chosen) == 200
    assert all(score >= 0.7 and number in chosen for _, score, number in counts)
    assert max(row[0] for row in counts) <= 32


def test_the_mean_priority_of_a_batch_stands_with_its_step(
    connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    of_replay, of_control = (
        connection.execute("SELECT min(priority) FROM step WHERE session_id = ?", (number,)).fetchone()[0]
        for number in sessions(record)
    )
    assert 0.1 < of_replay < 1.0
    assert of_control == 1.0


def test_a_session_trained_again_has_the_same_bits_in_every_step(
    workspace: Workspace, connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    source = sessions(record)[0]
    again = run_replay(workspace, connection, ReplayRequest(ReplayKind.SESSION, session=source), Caller())
    assert again["match"] and again["steps"] == STEPS and again["first_different_step"] is None
    assert again["words"].endswith(f"the same bits in all {STEPS} steps that both kept")
    row = get_replay(connection, again["replay"])
    assert (row.kind, row.source_session_id, row.session_id) == ("session", source, again["session"])


def test_a_session_whose_record_was_changed_is_told_to_differ_from_that_step_on(
    workspace: Workspace, connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    source = sessions(record)[1]
    kept = "SELECT weights_sha256 FROM step WHERE session_id = ? AND step = 9"
    before = connection.execute(kept, (source,)).fetchone()[0]
    change = "UPDATE step SET weights_sha256 = ? WHERE session_id = ? AND step = 9"
    connection.execute(change, ("0" * 64, source))
    try:
        request = ReplayRequest(ReplayKind.SESSION, session=source)
        again = run_replay(workspace, connection, request, Caller())
    finally:
        connection.execute(change, (before, source))
    assert not again["match"] and again["first_different_step"] == 9
    assert "other bits from step 9 on, although both were computed alike" in again["words"]


def test_steps_are_verified_and_reapplied_by_two_verbs(
    workspace: Workspace, connection: sqlite3.Connection, record: dict[str, Any]
) -> None:
    source = sessions(record)[0]
    verify = ReplayRequest(ReplayKind.VERIFY, session=source, first=3, last=8)
    told = run_replay(workspace, connection, verify, Caller())
    assert told["match"] and told["steps"] == 6
    reapply = ReplayRequest(ReplayKind.REAPPLY, session=source)
    told = run_replay(workspace, connection, reapply, Caller())
    assert told["match"] and (told["first"], told["last"]) == (1, STEPS)
    assert told["digest"] == get_replay(connection, told["replay"]).result["recorded"]
    beyond = ReplayRequest(ReplayKind.VERIFY, session=source, first=20, last=STEPS + 1)
    with pytest.raises(
        ReplayRefused, match=rf"steps 20 to {STEPS + 1} are not within those of .*, 1 to {STEPS}"
    ):
        run_replay(workspace, connection, beyond, Caller())
    failed = list_replays(connection)[0]
    assert failed.state == "failed" and "not within" in failed.words


def test_a_filter_and_setups_by_hand_are_drawn_beside_all_others(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    rows = connection.execute(
        "SELECT id FROM setup WHERE state = 'validated' AND score > 0.5 AND extreme <> 0 ORDER BY id LIMIT 40"
    ).fetchall()
    named = tuple(int(row[0]) for row in rows)
    request = ReplayRequest(
        ReplayKind.SELECTED, "cnn", setups=named, filter="score>0.6", params={**SMALL_CNN, "steps": "12"}
    )
    told = run_replay(workspace, connection, request, Caller())
    assert 0 < told["setups"] < 40
    dataset_id = get_session(connection, told["replayed"]["session_id"]).dataset_id
    law = load_dataset(workspace, connection, dataset_id or 0).arrays["replay_probability"]
    assert (law > 0.002).sum() == told["setups"] and (law > 0).sum() > 1_000


@pytest.mark.parametrize(
    ("error", "words", "request_"),
    [
        (UnknownSetup, "there is no setup 888888, 999999", {"kind": "selected", "setups": [999999, 888888]}),
        (FilterError, "no field 'foo'", {"kind": "selected", "filter": "foo:1"}),
        (WaitingForEpisodes, r"waiting \d+/100", {"kind": "profitable", "min_profitability": 0.99}),
        (StorageError, "no session 77", {"kind": "session", "session": 77}),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    workspace: Workspace,
    connection: sqlite3.Connection,
    error: type[Exception],
    words: str,
    request_: dict[str, Any],
) -> None:
    before = len(list_replays(connection))
    request = ReplayRequest.from_arguments({"agent": "cnn", **request_})
    with pytest.raises(error, match=words):
        run_replay(workspace, connection, request, Caller())
    assert len(list_replays(connection)) == before


def test_a_setup_whose_horizon_has_not_passed_cannot_be_chosen_by_hand(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    ((waiting,),) = connection.execute("SELECT max(id) FROM setup WHERE state = 'waiting'").fetchall()
    request = ReplayRequest(ReplayKind.SELECTED, "cnn", setups=(int(waiting),))
    with pytest.raises(SetupNotValidated, match=rf"outcome of setup {waiting} is not known: its horizon"):
        run_replay(workspace, connection, request, Caller())


def test_a_workspace_without_setups_says_how_to_collect_some(tmp_path: Path) -> None:
    empty = Workspace(tmp_path / "empty").create()
    with closing(open_database(empty)) as opened, pytest.raises(NoSetups, match="cointrader collect"):
        run_replay(empty, opened, PROFITABLE, Caller())


def test_a_replay_of_synthetic_candles_promotes_nothing_and_says_so(tmp_path: Path) -> None:
    made = walked_workspace(tmp_path / "synthetic", provenance="synthetic", bars=6_000)
    with closing(open_database(made)) as opened:
        told = run_replay(made, opened, PROFITABLE, Caller(settings=Settings()))
        statuses = opened.execute("SELECT DISTINCT status, reason FROM artifact").fetchall()
    assert statuses == [("candidate", "it learned from synthetic data")]
    assert told["verdict"] == "no better"
    assert "never promoted" in told["words"]
