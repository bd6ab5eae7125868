"""Trained models: whole, unchanged, without code, and promoted only when they have earned it."""

import hashlib
import io
import json
import pickle
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.database import transaction
from storage.durable_file import write_file_atomically
from storage.errors import ArtifactDamaged, ArtifactMissing, StorageError
from storage.promotion import Comparison
from storage.sessions import create_session, record_dataset
from storage.vault import ArtifactRow, load_artifact, promote_if_better, store_artifact
from storage.workspace import Workspace

MODEL = b"tree\nversion=v4\n"


def array_bytes(array: "np.ndarray[Any, Any]") -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def begin_session(connection: sqlite3.Connection, dataset_id: int | None = None) -> int:
    return create_session(
        connection,
        agent="signal_classifier",
        job_id=None,
        attempt=1,
        seed=1,
        params_json="{}",
        dataset_id=dataset_id,
        split_id=None,
        threads=1,
        device="cpu",
        capability="AVX2",
        total_steps=1,
    )


def store(workspace: Workspace, connection: sqlite3.Connection, **changed: Any) -> ArtifactRow:
    values: dict[str, Any] = {
        "agent": "signal_classifier",
        "files": {"model.txt": MODEL, "scale.npy": array_bytes(np.arange(3.0))},
        "manifest": {"features": ["rsi", "atr"], "labels": [0, 1], "code_version": "0.1.0"},
        "metric": "auc",
        "value": 0.61,
        "baseline": 0.5,
        "metrics": {"auc": 0.61},
        "provenance": "backtest",
    }
    values |= changed
    if "session_id" not in values:
        values["session_id"] = begin_session(connection)
    return store_artifact(workspace, connection, **values)


def test_what_is_stored_comes_back_with_its_manifest(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    row = store(workspace, connection)
    loaded = load_artifact(workspace, connection, "signal_classifier", 1)
    assert loaded.files["model.txt"] == MODEL
    assert loaded.manifest["features"] == ["rsi", "atr"]
    assert (loaded.manifest["agent"], loaded.manifest["version"]) == ("signal_classifier", 1)
    assert loaded.manifest["files"]["model.txt"]["sha256"] == hashlib.sha256(MODEL).hexdigest()
    assert row.path == "artifacts/signal_classifier/v0001"
    folder = workspace.root / row.path
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.txt", "scale.npy"]
    assert row.size == sum(path.stat().st_size for path in folder.iterdir())
    assert row.sha256 == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_versions_count_up_an_agent(workspace: Workspace, connection: sqlite3.Connection) -> None:
    versions = [store(workspace, connection).version for _ in range(2)]
    other = store(workspace, connection, agent="cnn").version
    assert (versions, other) == ([1, 2], 1)


def test_a_folder_without_a_row_is_never_written_over(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    left_by_a_crash = workspace.artifacts / "signal_classifier" / "v0001"
    left_by_a_crash.mkdir(parents=True)
    assert store(workspace, connection).version == 2
    assert list(left_by_a_crash.iterdir()) == []


@pytest.mark.parametrize("name", ["model.txt", "scale.npy", "manifest.json"])
def test_one_changed_byte_is_detected_before_anything_is_parsed(
    workspace: Workspace, connection: sqlite3.Connection, name: str
) -> None:
    path = workspace.root / store(workspace, connection).path / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactDamaged, match=name):
        load_artifact(workspace, connection, "signal_classifier", 1)


def test_a_lost_file_is_named(workspace: Workspace, connection: sqlite3.Connection) -> None:
    path = workspace.root / store(workspace, connection).path / "model.txt"
    path.unlink()
    with pytest.raises(ArtifactDamaged, match=r"model\.txt: cannot be read"):
        load_artifact(workspace, connection, "signal_classifier", 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.pkl", b"x"),
        ("model.pth", b"x"),
        ("model.zip", b"x"),
        ("model", b"x"),
        ("model.txt", pickle.dumps({"a": 1})),
        ("model.json", b"PK\x03\x04\0\0"),
        ("model.safetensors", pickle.dumps([1.5] * 50)),
        ("objects.npy", array_bytes(np.array([{"a": 1}], dtype=object))),
        ("fields.npy", array_bytes(np.zeros(2, dtype=[("a", "f8"), ("b", "O")]))),
        ("../model.txt", b"x"),
        (".model.txt", b"x"),
        ("manifest.json", b"{}"),
    ],
)
def test_nothing_that_can_run_code_or_leave_its_folder_is_let_in(
    workspace: Workspace, connection: sqlite3.Connection, name: str, content: bytes
) -> None:
    with pytest.raises(StorageError):
        store(workspace, connection, files={name: content})
    assert connection.execute("SELECT count(*) FROM artifact").fetchone()[0] == 0
    assert not list(workspace.artifacts.rglob("*.*"))


def test_safetensors_are_let_in(workspace: Workspace, connection: sqlite3.Connection) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + b"\0\0\x80?"
    store(workspace, connection, files={"weights.safetensors": content})
    loaded = load_artifact(workspace, connection, "signal_classifier", 1)
    assert loaded.files == {"weights.safetensors": content}


def test_a_transaction_that_fails_leaves_no_row(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = begin_session(connection)
    with pytest.raises(ZeroDivisionError), transaction(connection):
        store(workspace, connection, session_id=session_id)
        _ = 1 / 0
    with pytest.raises(ArtifactMissing):
        load_artifact(workspace, connection, "signal_classifier", 1)
    assert store(workspace, connection).version == 2


def test_a_manifest_that_is_not_json_keeps_nothing(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with pytest.raises(StorageError, match="not JSON"):
        store(workspace, connection, metrics={"auc": float("nan")})
    with pytest.raises(StorageError, match="not JSON"):
        store(workspace, connection, manifest={"path": Path("x")})
    assert connection.execute("SELECT count(*) FROM artifact").fetchone()[0] == 0


def test_without_a_champion_there_is_no_prediction(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection)
    with pytest.raises(ArtifactMissing, match="signal_classifier has no champion"):
        load_artifact(workspace, connection, "signal_classifier")


def test_a_candidate_above_baseline_and_champion_takes_over(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    first = promote_if_better(connection, store(workspace, connection).id)
    assert (first.status, first.reason) == ("champion", "auc 0.61 is above its baseline 0.5")
    window = Comparison(first.id, value=0.65, incumbent=0.6, words="on the same 900 rows")
    second = promote_if_better(connection, store(workspace, connection, value=0.65).id, window)
    assert second.status == "champion"
    assert second.reason == "auc 0.65 is above its baseline 0.5; 0.65 is above 0.6 of v1 on the same 900 rows"
    assert load_artifact(workspace, connection, "signal_classifier").row == second
    statuses = connection.execute("SELECT version, status, reason FROM artifact ORDER BY id").fetchall()
    assert statuses[0] == (1, "retired", "replaced by v2")
    events = connection.execute("SELECT kind, subject FROM event ORDER BY id").fetchall()
    assert events == [("promotion", "signal_classifier v1"), ("promotion", "signal_classifier v2")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"value": 0.5}, "not above its baseline 0.5"),
        ({"value": 0.61}, "auc 0.61 is not above 0.61 of the champion v1 on the same 900 rows"),
        ({"value": None}, "it has no auc"),
        ({"baseline": None}, "no baseline"),
        ({"value": 0.99, "provenance": "synthetic"}, "synthetic data"),
    ],
)
def test_a_candidate_that_has_not_earned_it_stays_one_and_says_why(
    workspace: Workspace, connection: sqlite3.Connection, changed: dict[str, Any], reason: str
) -> None:
    champion = promote_if_better(connection, store(workspace, connection).id)
    candidate = store(workspace, connection, **changed)
    window = Comparison(champion.id, candidate.value, incumbent=0.61, words="on the same 900 rows")
    judged = promote_if_better(connection, candidate.id, window)
    assert judged.status == "candidate"
    assert reason in judged.reason
    assert load_artifact(workspace, connection, "signal_classifier").row == champion
    assert reason in connection.execute("SELECT text FROM event ORDER BY id DESC").fetchone()[0]


def test_a_value_of_another_window_moves_no_champion(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    first = promote_if_better(connection, store(workspace, connection, value=0.9).id)
    # An easy month may give 0.95; where the two met, the champion was better.
    met = Comparison(first.id, value=0.7, incumbent=0.75, words="on the same 900 rows")
    for comparison in (None, Comparison(first.id + 99, 0.95, 0.5, "of somebody else"), met):
        judged = promote_if_better(connection, store(workspace, connection, value=0.95).id, comparison)
        assert judged.status == "candidate", comparison
    assert judged.reason == "auc 0.7 is not above 0.75 of the champion v1 on the same 900 rows"
    # A hard month may give less than was ever stored; where the two met, the candidate was better.
    met = Comparison(first.id, value=0.6, incumbent=0.55, words="on the same 900 rows")
    assert promote_if_better(connection, store(workspace, connection, value=0.6).id, met).status == "champion"


def test_a_champion_that_cannot_be_compared_gives_way_and_the_reason_says_so(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    first = promote_if_better(connection, store(workspace, connection).id)
    silent = Comparison(first.id, None, None, "its features are another list")
    lower = promote_if_better(connection, store(workspace, connection, value=0.4).id, silent)
    assert lower.status == "candidate"
    higher = promote_if_better(connection, store(workspace, connection, value=0.55).id, silent)
    assert higher.status == "champion"
    assert "v1, could not be compared: its features are another list" in higher.reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0.61, "auc 0.61 is above its baseline 0.5, beyond noise (+5.5 standard errors)"),
        (0.54, "auc 0.54 is above its baseline 0.5, within noise of it (+2.0 standard errors)"),
        (0.45, "auc 0.45 is not above its baseline 0.5, within noise of it (-2.5 standard errors)"),
    ],
)
def test_the_reason_says_how_far_from_the_baseline_chance_reaches(
    workspace: Workspace, connection: sqlite3.Connection, value: float, reason: str
) -> None:
    stored = store(workspace, connection, value=value)
    assert promote_if_better(connection, stored.id, standard_error=0.02).reason == reason


def test_synthetic_data_two_steps_back_is_found(workspace: Workspace, connection: sqlite3.Connection) -> None:
    dataset_id = record_dataset(
        connection,
        agent="signal_classifier",
        sha256="d",
        path="datasets/d",
        rows=1,
        description="{}",
        provenance="synthetic",
    )
    session_id = begin_session(connection, dataset_id)
    judged = promote_if_better(connection, store(workspace, connection, session_id=session_id, value=0.9).id)
    assert (judged.status, judged.reason) == ("candidate", "it learned from synthetic data")


def test_a_file_is_replaced_as_a_whole_and_leaves_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    assert write_file_atomically(path, b"old") == hashlib.sha256(b"old").hexdigest()
    write_file_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StorageError, match="cannot be written"):
        write_file_atomically(tmp_path / "nowhere" / "model.txt", b"x")
