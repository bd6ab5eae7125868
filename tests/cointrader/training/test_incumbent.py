"""A champion is judged again on the window of its challenger, and the better one of the two decides."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from typing import Any

import numpy as np
import pytest

from cointrader.training.incumbent import compare_with
from cointrader.training.session import TrainingResult, train_agent
from models.candle_series import PlainCandles
from models.signal_classifier.features import FEATURE_NAMES
from storage.database import transaction
from storage.promotion import Comparison
from storage.vault import ArtifactRow, get_artifact, load_artifact
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk

pytestmark = pytest.mark.xdist_group("torch")

QUICK = {"c_points": 1, "l1_points": 1, "folds": 2, "inner_folds": 2}
SMALL_CNN = {
    "steps": 20,
    "batch_size": 32,
    "window_bars": 16,
    "channels": 8,
    "hidden": 8,
    "evaluate_every": 10,
    "evaluate_rows": 128,
}


def swing(bars: int, sign: float = 1.0) -> PlainCandles:
    """A price that swings, with noise: what comes next can be foreseen, and `sign` turns it over."""
    walk = random_walk(bars, seed=5, deviation=2e-3)
    close = 100.0 + sign * 3.0 * np.sin(np.arange(bars) / 9.0) + 10.0 * (walk.close / walk.close[0] - 1.0)
    return dataclasses.replace(walk, open=close, high=close + 0.1, low=close - 0.1, close=close)


def kept_of(connection: sqlite3.Connection, result: TrainingResult) -> dict[str, Any] | None:
    """What the newest version keeps of its meeting with the champion."""
    rows = connection.execute(
        "SELECT metrics_json FROM artifact WHERE agent = ? AND version = ?", (result.agent, result.version)
    ).fetchall()
    kept: dict[str, Any] | None = json.loads(rows[0][0])["incumbent"]
    return kept


def say_the_champion_reached(connection: sqlite3.Connection, value: float) -> None:
    """A stored value of another window, which must not matter."""
    with transaction(connection):
        connection.execute("UPDATE artifact SET value = ? WHERE status = 'champion'", (value,))


def replace_candles(workspace: Workspace, connection: sqlite3.Connection, series: PlainCandles) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM candle_file")
    store_candles(workspace, connection, series)


def test_the_first_version_meets_nobody(workspace: Workspace, connection: sqlite3.Connection) -> None:
    store_candles(workspace, connection, swing(3_000))
    first = train_agent(workspace, "signal_classifier", QUICK)
    assert first.status == "champion" and "beyond noise" in first.reason
    assert kept_of(connection, first) is None


@pytest.mark.parametrize("claimed", [0.51, 0.9999])
def test_a_champion_of_an_older_window_is_asked_about_the_rows_it_has_not_seen(
    workspace: Workspace, connection: sqlite3.Connection, claimed: float
) -> None:
    store_candles(workspace, connection, swing(3_000))
    train_agent(workspace, "signal_classifier", QUICK)
    say_the_champion_reached(connection, claimed)
    replace_candles(workspace, connection, swing(6_000))
    second = train_agent(workspace, "signal_classifier", QUICK)
    kept = kept_of(connection, second)
    assert kept is not None and kept["version"] == 1
    stored = load_artifact(workspace, connection, "signal_classifier", 1)
    assert stored.manifest["learned_until_ms"] == stored.manifest["dataset_until_ms"] == 3_000 * 300_000
    # Rows are scored in the last two thirds, of which those after bar 3,000 are new to the champion.
    # Of these the last twelve have no label yet.
    assert kept["words"] == "on the same 2,988 out-of-sample rows"
    # It really answers, and what was claimed of it elsewhere decides nothing.
    assert 0.8 < kept["value"] != claimed
    assert (second.status == "champion") == (kept["candidate_value"] > kept["value"])


def test_a_champion_that_is_wrong_on_the_new_window_gives_way_whatever_it_reached_before(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    # Where the past was trend-following, now each move is undone: the old weights point the wrong way.
    store_candles(workspace, connection, momentum_walk(4_000, persistence=0.6))
    train_agent(workspace, "signal_classifier", QUICK | {"horizon_bars": 1})
    say_the_champion_reached(connection, 0.9999)
    replace_candles(workspace, connection, momentum_walk(12_000, persistence=-0.6))
    second = train_agent(workspace, "signal_classifier", QUICK | {"horizon_bars": 1})
    kept = kept_of(connection, second)
    assert kept is not None and kept["value"] < 0.5 < kept["candidate_value"]
    assert second.status == "champion"
    old = get_artifact(connection, 1)
    assert (old.status, old.reason) == ("retired", "replaced by v2")


def momentum_walk(bars: int, persistence: float) -> PlainCandles:
    """Returns that follow (persistence > 0) or undo (< 0) the one before."""
    noise = np.random.default_rng(3).normal(0.0, 1e-3, bars)
    returns = np.empty(bars)
    returns[0] = noise[0]
    for bar in range(1, bars):
        returns[bar] = persistence * returns[bar - 1] + noise[bar]
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    walk = random_walk(bars, seed=5)
    return dataclasses.replace(walk, open=opened, high=top * 1.0001, low=bottom / 1.0001, close=close)


def test_training_again_on_the_same_rows_compares_what_both_said_of_rows_they_had_not_seen(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, swing(3_000))
    first = train_agent(workspace, "signal_classifier", QUICK)
    second = train_agent(workspace, "signal_classifier", QUICK)
    assert kept_of(connection, second) == {
        "version": 1,
        "value": first.value,
        "candidate_value": first.value,
        "words": "on the same out-of-sample rows",
    }
    assert second.status == "candidate" and "is not above" in second.reason


def test_a_champion_that_has_learned_from_the_window_is_said_to_be_favoured(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, swing(3_000))
    train_agent(workspace, "signal_classifier", QUICK)
    second = train_agent(workspace, "signal_classifier", QUICK | {"folds": 3})
    kept = kept_of(connection, second)
    assert kept is not None and kept["value"] is not None
    assert "v1 may have learned from, which favours it" in kept["words"]


@pytest.mark.parametrize("fault", ["features", "damaged"])
def test_a_champion_that_cannot_be_asked_neither_wins_nor_loses_in_silence(
    workspace: Workspace, connection: sqlite3.Connection, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_candles(workspace, connection, swing(3_000))
    first = train_agent(workspace, "signal_classifier", QUICK)
    replace_candles(workspace, connection, swing(3_500))
    if fault == "damaged":
        row = load_artifact(workspace, connection, "signal_classifier", first.version).row
        path = workspace.root / row.path / "weights.npy"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        words = "its SHA-256 is not the recorded one"
    else:
        renamed = ("return_2", *FEATURE_NAMES[1:])
        monkeypatch.setattr("models.signal_classifier.agent.FEATURE_NAMES", renamed)
        words = "its features are"
    second = train_agent(workspace, "signal_classifier", QUICK)
    assert second.status == "champion"
    assert "could not be compared" in second.reason and words in second.reason
    kept = kept_of(connection, second)
    assert kept is not None and kept["value"] is None and words in kept["words"]


def test_a_network_is_asked_about_the_slice_that_scores_its_challenger(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, swing(3_000))
    first = train_agent(workspace, "cnn", SMALL_CNN)
    make_champion(connection)
    stored = load_artifact(workspace, connection, "cnn", first.version)
    assert stored.manifest["learned_until_ms"] < stored.manifest["dataset_until_ms"]
    wider_test = train_agent(workspace, "cnn", SMALL_CNN | {"test_share": 0.2})
    kept = kept_of(connection, wider_test)
    assert kept is not None and "out-of-sample rows" in kept["words"] and kept["value"] is not None


def test_a_network_that_looks_further_back_than_the_rows_reach_is_not_asked(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, swing(3_000))
    train_agent(workspace, "cnn", SMALL_CNN | {"window_bars": 32})
    make_champion(connection)
    narrow = train_agent(workspace, "cnn", SMALL_CNN)
    kept = kept_of(connection, narrow)
    assert kept is not None
    assert (kept["value"], kept["words"]) == (None, "it looks at 32 bars, and these rows hold 16")


def make_champion(connection: sqlite3.Connection) -> None:
    """The first version, whatever it has learned in a few steps."""
    with transaction(connection):
        connection.execute("UPDATE artifact SET status = 'champion' WHERE version = 1")


def test_a_champion_made_while_this_one_was_compared_is_met_as_well(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_candles(workspace, connection, swing(3_000))
    train_agent(workspace, "signal_classifier", QUICK)
    second = train_agent(workspace, "signal_classifier", QUICK)
    assert second.status == "candidate"
    compared: list[int] = []

    def overtaken(*arguments: Any) -> Comparison:
        champion: ArtifactRow = arguments[2]
        compared.append(champion.version)
        if len(compared) == 1:
            with transaction(connection):
                connection.execute("UPDATE artifact SET status = 'retired' WHERE version = 1")
                connection.execute("UPDATE artifact SET status = 'champion' WHERE version = 2")
        return compare_with(*arguments)

    monkeypatch.setattr("cointrader.training.outcome.compare_with", overtaken)
    third = train_agent(workspace, "signal_classifier", QUICK)
    kept = kept_of(connection, third)
    assert compared == [1, 2] and kept is not None and kept["version"] == 2
