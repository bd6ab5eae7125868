"""A module of one's own trains in our loop, repeats to the bit, and is refused when it answers otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from models.base import Dataset
from models.cnn import agent
from models.cnn.own_network import OwnCnnAgent, WrongAnswer
from models.cnn.params import CnnParams
from models.memory_run import MemoryRun
from tests.models.walks import CandleSource, random_walk

pytestmark = pytest.mark.xdist_group("torch")

SMALL = CnnParams(steps=30, batch_size=32, window_bars=16, evaluate_every=10, evaluate_rows=128)


class Dense(nn.Module):
    """One hidden layer with dropout and BatchNorm, which both need care to repeat."""

    def __init__(self, answers: int = 5) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * 6 * 16, 12)
        self.norm = nn.BatchNorm1d(12)
        self.drop = nn.Dropout(0.3)
        self.heads = nn.Linear(12, answers)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        flat = windows.permute(1, 0, 2, 3).flatten(1)
        said = self.heads(self.drop(torch.relu(self.norm(self.hidden(flat)))))
        return said[:, :-2], said[:, -2], said[:, -1]


def dense(answers: int = 5) -> Dense:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return Dense(answers)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(CandleSource(random_walk(3_000, seed=21)), SMALL)


def test_it_is_trained_in_place_and_repeats_whatever_the_global_generator_does(dataset: Dataset) -> None:
    mine, again = dense(), dense()
    before = mine.hidden.weight.detach().clone()
    first = OwnCnnAgent(mine).fit(dataset, SMALL, MemoryRun(seed=7))
    torch.rand(5)
    second = OwnCnnAgent(again).fit(dataset, SMALL, MemoryRun(seed=7))
    assert not torch.equal(before, mine.hidden.weight)
    assert first.weights_sha256() == second.weights_sha256()
    other = OwnCnnAgent(dense()).fit(dataset, SMALL, MemoryRun(seed=8))
    assert other.weights_sha256() != first.weights_sha256()


def test_it_is_judged_on_the_rows_that_every_cnn_is_judged_on(dataset: Dataset) -> None:
    own = OwnCnnAgent(dense())
    metrics = own.evaluate(own.fit(dataset, SMALL, MemoryRun()), dataset)
    assert metrics.name == "pivot_auc" and abs(metrics.value - 0.5) < 4 * metrics.standard_error
    assert own.difference_error(own.model, own.model, dataset) == 0.0


def test_a_forward_of_other_shapes_is_refused_with_both(dataset: Dataset) -> None:
    with pytest.raises(WrongAnswer, match=r"Dense\.forward gave \(\(32, 2\), .*expected .*\(\(32, 3\)"):
        OwnCnnAgent(dense(answers=4)).fit(dataset, SMALL, MemoryRun())


def test_a_module_without_parameters_is_refused() -> None:
    with pytest.raises(WrongAnswer, match="ReLU has no parameter that could be trained"):
        OwnCnnAgent(nn.ReLU())
