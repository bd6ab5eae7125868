"""A session ends as a judged version, or in a state that says why there is none."""

from __future__ import annotations

import dataclasses
import json
import sqlite3

import numpy as np
import pytest

from cointrader.settings import Settings, WorkerSettings
from cointrader.training.checkpoint import KEPT, read_checkpoint
from cointrader.training.run import StopReason
from cointrader.training.session import TrainingStopped, train_agent
from models import registry
from models.errors import Diverged, NotEnoughRows
from models.parameters import ParameterError
from storage.database import transaction
from storage.errors import StaleAttempt
from storage.insert import insert_rows
from storage.jobs import get_job, request_cancel
from storage.sessions import get_session
from storage.vault import load_artifact
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import claimed_job, store_candles, take_over
from tests.models.walks import random_walk
from tests.storage.rows import add_run

pytestmark = pytest.mark.xdist_group("torch")

QUICK = {"c_points": 2, "l1_points": 1, "folds": 2, "inner_folds": 2}
SMALL_CNN = {
    "steps": 60,
    "batch_size": 32,
    "window_bars": 16,
    "channels": 8,
    "hidden": 8,
    "evaluate_every": 10,
    "evaluate_rows": 128,
}
OFTEN = Settings(worker=WorkerSettings(metric_seconds=0.01, checkpoint_seconds=0.1))


@pytest.fixture
def filled(workspace: Workspace, connection: sqlite3.Connection) -> Workspace:
    store_candles(workspace, connection, random_walk(3_000, seed=1))
    return workspace


def test_a_session_leaves_dataset_split_trials_metrics_and_a_version(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    job_id = claimed_job(connection)
    result = train_agent(filled, "signal_classifier", QUICK, job_id=job_id, seed=3)
    session = get_session(connection, result.session_id)
    assert (session.state, session.job_id, session.seed, session.step) == ("succeeded", job_id, 3, 12)
    assert (session.metric, session.value, session.baseline) == ("roc_auc", result.value, 0.5)
    assert "standard errors" in session.note and "grid searched" in session.note
    assert json.loads(session.params_json)["folds"] == 2
    stored = load_artifact(filled, connection, "signal_classifier", result.version)
    model = registry.load("signal_classifier").load(stored.files)
    assert model.weights_sha256() == session.weights_sha256 == stored.manifest["weights_sha256"]
    assert stored.manifest["features"] == list(model.feature_names)
    assert stored.manifest["labels"] == ["not_higher", "higher"]
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("dataset", "split", "trial", "artifact")
    }
    # Two folds and the final search of two points each.
    assert counts == {"dataset": 1, "split": 1, "trial": 6, "artifact": 1}
    names = {row[0] for row in connection.execute("SELECT DISTINCT name FROM metric").fetchall()}
    assert {"grid/roc_auc", "fold/roc_auc", "fold/f1", "validation/loss"} <= names
    job = get_job(connection, job_id)
    assert (job.progress_done, job.progress_total) == (12, 12)


def test_stored_signals_are_what_the_classifier_learns_from(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    walk = random_walk(3_000, seed=1)
    with transaction(connection):
        run_id = add_run(connection)
        columns = "run_id ts_ms symbol strategy side confidence price status contributions provenance"
        insert_rows(
            connection,
            "signal",
            columns.split(),
            [
                (run_id, int(moment), "BTC/USDT", "momentum", "long", 1.0, 1.0, "accepted", "{}", "backtest")
                for moment in walk.close_ms[200:2_800]
            ],
        )
    train_agent(filled, "signal_classifier", QUICK)
    rows, description = connection.execute("SELECT rows, description FROM dataset").fetchone()
    assert rows == 2_600
    assert json.loads(description)["description"].startswith("bars with a signal")


def test_training_twice_on_the_same_rows_keeps_one_dataset_and_counts_every_trial(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    first = train_agent(filled, "signal_classifier", QUICK, seed=1)
    second = train_agent(filled, "signal_classifier", QUICK, seed=1)
    assert (first.version, second.version) == (1, 2)
    assert connection.execute("SELECT count(*) FROM dataset").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM trial").fetchone() == (12,)
    weights = connection.execute("SELECT DISTINCT weights_sha256 FROM session").fetchall()
    assert len(weights) == 1
    # An equal version is no better than the one before it.
    assert second.status == "candidate"


def test_what_was_learned_from_synthetic_candles_is_never_the_champion(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    walk = random_walk(3_000, seed=1)
    # A price that swings is easy to foresee: only its origin speaks against this version.
    swing = 100.0 + 5.0 * np.sin(np.arange(3_000) / 10.0)
    easy = dataclasses.replace(walk, open=swing, high=swing + 0.1, low=swing - 0.1, close=swing)
    store_candles(workspace, connection, easy, provenance="synthetic")
    result = train_agent(workspace, "signal_classifier", QUICK)
    assert result.value is not None and result.value > 0.9
    assert (result.status, result.reason) == ("candidate", "it learned from synthetic data")


def test_an_empty_workspace_is_refused_before_anything_is_written(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with pytest.raises(NotEnoughRows, match=r"candles of any symbol \(there are: none\)"):
        train_agent(workspace, "cnn", {})
    assert connection.execute("SELECT count(*) FROM session").fetchone() == (0,)


def test_a_symbol_that_is_not_there_is_named_with_those_that_are(filled: Workspace) -> None:
    with pytest.raises(NotEnoughRows, match=r"candles of DOGE/USDT \(there are: BTC/USDT\)"):
        train_agent(filled, "signal_classifier", {"symbols": "btc/usdt,DOGE/USDT"})
    with pytest.raises(NotEnoughRows, match=r"candles of 1h \(there are: 5m\)"):
        train_agent(filled, "signal_classifier", {"timeframe_minutes": 60})


def test_a_parameter_out_of_range_is_refused_with_its_range(filled: Workspace) -> None:
    with pytest.raises(ParameterError, match="steps: 5 refused: must be 10 to"):
        train_agent(filled, "cnn", {"steps": 5})


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_loss_that_is_no_number_ends_the_session_as_diverged_and_its_curve_shows_where(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    # Each volume is a number, but no sum of three of them is.
    absurd = dataclasses.replace(random_walk(3_000, seed=1), volume=np.full(3_000, 1e308))
    store_candles(workspace, connection, absurd)
    with pytest.raises(Diverged, match="diverged at step 1: the loss is nan"):
        train_agent(workspace, "cnn", SMALL_CNN, settings=OFTEN)
    session = connection.execute("SELECT state, step, note FROM session").fetchone()
    assert session == ("diverged", 1, "diverged at step 1: the loss is nan")
    point = connection.execute("SELECT step, value, state FROM metric WHERE name = 'losses/total'").fetchone()
    assert point == (1, None, "nan")
    assert connection.execute("SELECT count(*) FROM artifact").fetchone() == (0,)
    severity, text = connection.execute("SELECT severity, text FROM event").fetchone()
    assert severity == "error" and text == "training of cnn diverged: diverged at step 1: the loss is nan"


def test_a_cancelled_training_stops_with_a_checkpoint_and_can_be_gone_on_with(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    job_id = claimed_job(connection)

    def cancel_at_the_first_checkpoint(line: str) -> None:
        if line.startswith("checkpoint"):
            request_cancel(connection, job_id)

    long = SMALL_CNN | {"steps": 100_000}
    with pytest.raises(TrainingStopped) as stopped:
        train_agent(filled, "cnn", long, job_id=job_id, settings=OFTEN, say=cancel_at_the_first_checkpoint)
    assert stopped.value.reason is StopReason.CANCELLED
    session = get_session(connection, stopped.value.session_id)
    assert (session.state, session.step) == ("cancelled", stopped.value.step)
    newest = connection.execute("SELECT step FROM checkpoint ORDER BY id DESC LIMIT 1").fetchone()
    assert newest == (stopped.value.step,)


def test_a_checkpoint_whose_file_is_damaged_is_passed_over_for_the_one_before_it(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    said: list[str] = []

    def after_three_checkpoints() -> bool:
        return sum(line.startswith("checkpoint") for line in said) >= 3

    with pytest.raises(TrainingStopped) as stopped:
        train_agent(
            filled, "cnn", SMALL_CNN | {"steps": 100_000}, settings=OFTEN,
            interrupted=after_three_checkpoints, say=said.append,
        )  # fmt: skip
    rows = connection.execute("SELECT step, path FROM checkpoint ORDER BY id DESC").fetchall()
    folder = filled.backprop / f"session-{stopped.value.session_id}"
    assert len(rows) == KEPT
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == {path.rpartition("/")[2] for _, path in rows}
    newest = filled.root / rows[0][1]
    newest.write_bytes(newest.read_bytes()[:-1] + b"\0\0")
    state = read_checkpoint(filled, connection, stopped.value.session_id)
    assert state is not None and state.step == rows[1][0]


def test_a_job_whose_session_was_finished_by_a_dead_attempt_is_not_trained_twice(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    job_id = claimed_job(connection)
    first = train_agent(filled, "signal_classifier", QUICK, job_id=job_id)
    again = train_agent(filled, "signal_classifier", QUICK, job_id=job_id, attempt=take_over(connection))
    assert again == first
    assert connection.execute("SELECT count(*) FROM session").fetchone() == (1,)


def test_a_worker_that_has_to_go_leaves_the_session_interrupted(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    with pytest.raises(TrainingStopped) as stopped:
        train_agent(filled, "cnn", SMALL_CNN, settings=OFTEN, interrupted=lambda: True)
    assert get_session(connection, stopped.value.session_id).state == "interrupted"


def test_an_attempt_that_was_taken_over_writes_nothing_more(
    filled: Workspace, connection: sqlite3.Connection
) -> None:
    job_id = claimed_job(connection)

    def taken_over_at_the_first_checkpoint(line: str) -> None:
        if line.startswith("checkpoint") and get_job(connection, job_id).attempt == 1:
            take_over(connection)

    with pytest.raises(StaleAttempt):
        train_agent(
            filled, "cnn", SMALL_CNN | {"steps": 100_000}, job_id=job_id, settings=OFTEN,
            say=taken_over_at_the_first_checkpoint,
        )  # fmt: skip
    state, attempt = connection.execute("SELECT state, attempt FROM session").fetchone()
    assert (state, attempt) == ("running", 1)
    assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)


def test_the_curve_of_every_layer_is_kept(filled: Workspace, connection: sqlite3.Connection) -> None:
    train_agent(filled, "cnn", SMALL_CNN, settings=OFTEN)
    rows = connection.execute(
        "SELECT name, count(*) FROM metric WHERE name LIKE 'gradient_norm/%' GROUP BY name"
    ).fetchall()
    layers = {"trunk.0", "trunk.2", "trunk.4", "merge", "classify", "measure", "trust", "total"}
    assert dict(rows) == {f"gradient_norm/{layer}": 6 for layer in layers}
    names = {row[0] for row in connection.execute("SELECT DISTINCT name FROM metric").fetchall()}
    assert {"losses/total", "charts/steps_per_second", "charts/learning_rate"} <= names
