"""In a world of coins nothing can be learned, and a replay of what paid must not look as if it had been.

Each setup of a random walk pays by luck. Those that paid are chosen, so they paid: that is the whole of it,
and on rows that nobody chose the model trained on them knows what its unfiltered control knows, nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from cointrader.settings import Settings
from cointrader.training.incumbent import EVER
from cointrader.training.replaying.comparison import Verdict, judge_replay
from cointrader.training.replaying.preparation import ReplayData, replay_data
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from models.cnn import agent
from models.cnn.params import CnnParams
from models.memory_run import MemoryRun
from tests.cointrader.training.replaying.made_setups import SetupWorld
from tests.models.walks import random_walk

pytestmark = pytest.mark.xdist_group("torch")

PARAMS = CnnParams(
    steps=150, batch_size=64, window_bars=16, channels=16, hidden=16, learning_rate=1e-2, evaluate_rows=256
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def played(kind: ReplayKind, seed: int) -> tuple[ReplayData, Verdict]:
    """A replay and its control on a random walk, both asked about the same untouched window."""
    world = SetupWorld(random_walk(20_000, seed=seed, deviation=3e-3), provenance="synthetic")
    data = replay_data(agent, world, ReplayRequest(kind, "cnn"), PARAMS, Settings(), None)
    replayed, control = (
        agent.fit(dataset, data.params, MemoryRun(seed=1)) for dataset in (data.replayed, data.control)
    )
    duel = agent.compare(replayed, control, data.control, EVER)
    error = agent.difference_error(replayed, control, data.control)
    return data, judge_replay("pivot_auc", duel, 0.5, error, data.control.provenance)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [31, 32, 33])
def test_profitable_setups_of_a_random_walk_make_no_better_model_than_their_control(seed: int) -> None:
    data, verdict = played(ReplayKind.PROFITABLE, seed)
    # What was chosen looks splendid, because it was chosen.
    assert data.selection.mean_return > 60e-4
    assert data.selection.mean_return_of_all < 0.0
    assert verdict.word == "no better"
    assert verdict.words.startswith("no better than its control out of sample (")
    assert (
        "learned from synthetic data, which says nothing of a market and is never promoted" in verdict.words
    )
    assert 0.0 < verdict.standard_error < 0.1


def test_prioritised_setups_of_a_random_walk_do_not_either() -> None:
    _, verdict = played(ReplayKind.PRIORITISED, 31)
    assert verdict.word == "no better"
