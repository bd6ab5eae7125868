"""What the CNN says of setups enters the state of the DQN only where the CNN cannot have learned from it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
import torch

from cointrader.training.cross_model import (
    CNN_HISTORY_BARS,
    ask_of,
    cnn_of_setups,
    dqn_of_setups,
    versions_of,
)
from cointrader.training.session import train_agent
from cointrader.training.source import WorkspaceSource
from models.dqn.agent import dataset
from models.dqn.cross_features import CROSS_NAMES
from models.dqn.params import DqnParams
from models.rl_state import STATE_NAMES
from storage.candles import read_candles
from storage.database import connect, transaction
from storage.vault import load_artifact
from storage.workspace import Workspace
from tests.cointrader.training.replaying.walked_workspace import SMALL_CNN, walked_workspace
from tests.conftest import copy_workspace

pytestmark = pytest.mark.xdist_group("torch")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A CNN and a DQN, each trained once; the DQN on states in which nothing of the CNN was known yet."""
    made = walked_workspace(tmp_path_factory.mktemp("cross") / "workspace")
    train_agent(made, "dqn", {"steps": "20", "evaluate_every": "10"})
    train_agent(made, "cnn", SMALL_CNN)
    return made


@pytest.fixture
def connection(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(connect(workspace.database, readonly=True)) as opened:
        yield opened


def learned_until(workspace: Workspace, connection: sqlite3.Connection, agent: str) -> int:
    return int(load_artifact(workspace, connection, agent, 1).manifest["learned_until_ms"])


def test_what_the_cnn_learned_from_is_not_known_and_what_came_later_is(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    setups = WorkspaceSource(workspace, connection).setups("all")
    until = learned_until(workspace, connection, "cnn")
    said = cnn_of_setups(workspace, connection, setups)
    later = setups.ts_ms > until
    assert 50 < later.sum() < len(setups.id) / 2
    assert np.array_equal(said.features[:, 3] == 1.0, later)
    assert not said.features[~later].any()
    assert said.features[later, :3].sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert said.cut_offs == {1: until} and said.lineage == {"import"}


def test_a_slice_of_history_gives_what_the_whole_of_it_gives(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    series = read_candles(workspace, "BTC/USDT", 300_000, connection=connection)
    versions = versions_of(workspace, connection, "cnn")
    moments = series.close_ms[-300:]
    short = ask_of(versions, series, moments, history_bars=400)
    whole = ask_of(versions, series, moments)
    assert (whole.features[:, 3] == 1.0).all()
    assert short.features == pytest.approx(whole.features, abs=1e-6)
    assert whole.features[:, :3] == pytest.approx(versions[0].model.predict(series)[-300:], abs=1e-6)
    nowhere = ask_of(versions, series, moments + 1, history_bars=CNN_HISTORY_BARS)
    assert not nowhere.features.any()


def test_the_state_of_the_dqn_holds_it_with_its_cut_off(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    source = WorkspaceSource(workspace, connection)
    made = dataset(source, DqnParams())
    assert made.feature_names == (*STATE_NAMES, *CROSS_NAMES)
    assert made.constants == {"cnn_v1_learned_until_ms": float(learned_until(workspace, connection, "cnn"))}
    states = made.arrays["series_state"]
    known = states[:, -1] == 1.0
    assert 0 < known.sum() < len(states)
    later = made.t0_ms > learned_until(workspace, connection, "cnn")
    assert np.array_equal(known[made.arrays["setup"]], later)


def test_the_dqn_is_asked_the_same_way(workspace: Workspace, connection: sqlite3.Connection) -> None:
    setups = WorkspaceSource(workspace, connection).setups("all")
    until = learned_until(workspace, connection, "dqn")
    said = dqn_of_setups(workspace, connection, setups)
    later = setups.ts_ms > until
    assert later.sum() > 50
    assert np.array_equal(said.features[:, 3] == 1.0, later)
    assert said.cut_offs == {1: until}


def test_without_a_version_nothing_is_known(tmp_path) -> None:
    empty = walked_workspace(tmp_path / "workspace", bars=600)
    with closing(connect(empty.database, readonly=True)) as connection:
        setups = WorkspaceSource(empty, connection).setups("all")
        said = cnn_of_setups(empty, connection, setups)
    assert said.features.shape == (len(setups.id), 4) and not said.features.any() and not said.cut_offs


def test_of_several_versions_the_one_that_learned_latest_before_a_moment_answers(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    series = read_candles(workspace, "BTC/USDT", 300_000, connection=connection)
    (version,) = versions_of(workspace, connection, "cnn")

    class Constant:
        def __init__(self, place: int) -> None:
            self.place = place

        def predict(self, candles):
            return np.eye(3)[np.full(len(candles.close_ms), self.place)]

    def at(bar: int, number: int):
        return type(version)(number, int(series.close_ms[bar]), "import", Constant(number))

    said = ask_of([at(-50, 2), at(-100, 1), at(-150, 0)], series, series.close_ms[-200:])
    named = np.where(said.features[:, 3] == 1.0, said.features[:, :3].argmax(axis=1), -1)
    assert named.tolist() == [-1] * 51 + [0] * 50 + [1] * 50 + [2] * 49
    assert said.cut_offs == {
        number: int(series.close_ms[bar]) for number, bar in ((2, -50), (1, -100), (0, -150))
    }


def test_synthetic_and_damaged_versions_and_those_without_a_cut_off_are_not_asked(
    workspace: Workspace, tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = copy_workspace(workspace, tmp_path / "copy")
    with closing(connect(copy.database)) as connection:
        folder = copy.root / connection.execute("SELECT path FROM artifact WHERE agent = 'cnn'").fetchone()[0]
        with transaction(connection):
            connection.execute("UPDATE artifact SET provenance = 'synthetic' WHERE agent = 'cnn'")
        assert versions_of(copy, connection, "cnn") == []
        with transaction(connection):
            connection.execute("UPDATE artifact SET provenance = 'import' WHERE agent = 'cnn'")
        assert len(versions_of(copy, connection, "cnn")) == 1
        weights = folder / "weights.safetensors"
        kept = weights.read_bytes()
        weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        assert versions_of(copy, connection, "cnn") == []
        assert "is not asked" in caplog.text
        weights.write_bytes(kept)
        _without_cut_off(folder, connection)
        assert versions_of(copy, connection, "cnn") == []


def _without_cut_off(folder, connection: sqlite3.Connection) -> None:
    import hashlib

    path = next(folder.glob("*manifest*"))
    manifest = json.loads(path.read_bytes())
    del manifest["learned_until_ms"]
    path.write_bytes(json.dumps(manifest).encode())
    with transaction(connection):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        connection.execute("UPDATE artifact SET sha256 = ? WHERE agent = 'cnn'", (sha256,))
