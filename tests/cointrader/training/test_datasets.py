"""A stored dataset comes back as it was, or not at all."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from cointrader.training.checkpoint import decode, encode
from cointrader.training.datasets import DatasetDamaged, load_dataset, store_dataset
from models.base import CheckpointState, Dataset
from models.signal_classifier import agent
from models.signal_classifier.params import SignalClassifierParams
from storage.workspace import Workspace
from tests.models.walks import CandleSource, random_walk


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(CandleSource(random_walk(2_500, seed=2)), SignalClassifierParams(sample="bars"))


def test_a_dataset_comes_back_bit_for_bit(
    workspace: Workspace, connection: sqlite3.Connection, dataset: Dataset
) -> None:
    loaded = load_dataset(workspace, connection, store_dataset(workspace, connection, dataset))
    for name in ("label", "t0_ms", "t1_ms", "symbol"):
        assert np.array_equal(getattr(loaded, name), getattr(dataset, name)), name
    assert loaded.arrays["features"].tobytes() == dataset.arrays["features"].tobytes()
    for name in ("agent", "symbols", "feature_names", "label_order", "horizon_bars", "provenance"):
        assert getattr(loaded, name) == getattr(dataset, name), name
    assert dict(loaded.constants) == dict(dataset.constants)


def test_equal_datasets_share_one_folder_and_one_row(
    workspace: Workspace, connection: sqlite3.Connection, dataset: Dataset
) -> None:
    assert store_dataset(workspace, connection, dataset) == store_dataset(workspace, connection, dataset)
    assert len(list(workspace.datasets.iterdir())) == 1


@pytest.mark.parametrize("name", ["features.npy", "label.npy", "dataset.json"])
def test_one_changed_byte_is_noticed(
    workspace: Workspace, connection: sqlite3.Connection, dataset: Dataset, name: str
) -> None:
    dataset_id = store_dataset(workspace, connection, dataset)
    path = next(workspace.datasets.iterdir()) / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetDamaged, match=name):
        load_dataset(workspace, connection, dataset_id)
    # "train anew" is what the error says, and training anew helps.
    assert store_dataset(workspace, connection, dataset) == dataset_id
    assert load_dataset(workspace, connection, dataset_id).rows == dataset.rows
    path.unlink()
    assert store_dataset(workspace, connection, dataset) == dataset_id
    assert load_dataset(workspace, connection, dataset_id).rows == dataset.rows
    assert len(list(workspace.datasets.iterdir())) == 1


def test_a_checkpoint_comes_back_bit_for_bit() -> None:
    generator = np.random.default_rng(0)
    arrays = {
        "weights/a": generator.normal(size=(3, 4)).astype(np.float32),
        "adam/a/step": np.array(7.0, dtype=np.float32),
    }
    state = CheckpointState(7, arrays, {"losses": [0.1, 1e-300, 3.0]}, "ab" * 32)
    loaded = decode(encode(state))
    assert (loaded.step, loaded.counters, loaded.weights_sha256) == (7, state.counters, "ab" * 32)
    for name, array in arrays.items():
        assert loaded.arrays[name].tobytes() == array.tobytes()
        assert loaded.arrays[name].shape == array.shape
