"""A program trains the CNN, or a module of its own, and gets sessions and steps that are kept whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cointrader.training.cnn_training_pipeline import CNNTrainer, ProfitableReplay
from cointrader.training.replaying.errors import WaitingForEpisodes
from models.digest import weights_digest
from models.errors import NotEnoughRows
from storage.errors import StorageError
from storage.workspace import Workspace
from tests.cointrader.training.replaying.walked_workspace import SMALL_CNN, walked_workspace
from tests.models.cnn.test_own_network import Dense, dense

pytestmark = pytest.mark.xdist_group("torch")

SYMBOL = "BTC/USDT"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return walked_workspace(tmp_path_factory.mktemp("pipeline") / "workspace")


@pytest.fixture(scope="module")
def trainer(workspace: Workspace) -> CNNTrainer:
    return CNNTrainer(workspace=workspace, params=SMALL_CNN)


@pytest.fixture(scope="module")
def replay(trainer: CNNTrainer) -> ProfitableReplay:
    return trainer.train_on_profitable_episodes(SYMBOL, min_profitability=0.7, max_episodes=200, seed=2)


def test_profitable_episodes_are_trained_beside_an_unfiltered_control(replay: ProfitableReplay) -> None:
    assert replay.words.startswith("no better than its control out of sample (")
    mine, control = replay.session.profitability(), replay.control.profitability()
    assert mine is not None and control is not None
    assert (mine.profitable_share, mine.draws) == (pytest.approx(1.0), 60 * 32)
    assert mine.setups <= 200 and mine.mean_score > 0.7 and mine.net_return > 42e-4
    assert 0.0 < control.profitable_share < 0.2 and control.net_return < 0.0
    assert replay.session.symbols == (SYMBOL,)
    assert replay.result.setups == 200


def test_a_session_tells_convergence_calibration_and_where_it_ended(replay: ProfitableReplay) -> None:
    for session in (replay.session, replay.control):
        assert (session.state, session.steps, session.metric) == ("succeeded", 60, "pivot_auc")
        assert session.convergence.evaluations == 10 and session.convergence.word != "diverging"
        assert session.calibration_error is not None and 0.0 <= session.calibration_error <= 1.0
        assert session.version > 0 and session.baseline == 0.5


def test_a_step_has_its_three_losses_its_whole_gradient_and_its_weights(
    trainer: CNNTrainer, replay: ProfitableReplay
) -> None:
    step = trainer.step(replay.session.session_id, 31)
    parts = step.classification_loss + 0.5 * step.regression_loss + 0.25 * step.confidence_loss
    assert step.total_loss == pytest.approx(parts, rel=1e-5)
    gradients = step.gradients()
    assert set(step.gradient_norms) == {name.rpartition(".")[0] for name in gradients}
    squares = sum(float(np.square(gradient, dtype=np.float64).sum()) for gradient in gradients.values())
    norms = sum(norm**2 for norm in step.gradient_norms.values())
    assert squares == pytest.approx(norms, rel=1e-4) and squares > 0
    assert weights_digest(step.weights()) == step.weights_sha256
    assert len(step.batch) == 32 and step.priority > 0


def test_all_steps_of_a_session_come_in_order(replay: ProfitableReplay) -> None:
    assert [step.step for step in replay.control.training_steps()] == list(range(1, 61))


def test_sessions_are_found_again_by_another_trainer(workspace: Workspace, replay: ProfitableReplay) -> None:
    found = CNNTrainer(workspace=workspace.root).sessions()
    numbers = [session.session_id for session in found]
    assert numbers == sorted(numbers, reverse=True)
    assert {replay.session.session_id, replay.control.session_id} <= set(numbers)
    assert replay.session in found


def test_a_module_of_ones_own_is_trained_in_place_and_its_steps_are_rebuilt(workspace: Workspace) -> None:
    module = dense()
    before = module.hidden.weight.detach().clone()
    trainer = CNNTrainer(module, workspace=workspace, params=SMALL_CNN)
    replay = trainer.train_on_profitable_episodes(SYMBOL, max_episodes=200)
    assert not torch.equal(before, module.hidden.weight)
    assert replay.session.version == replay.control.version == 0
    assert replay.session.calibration_error is not None
    assert "of which no version is stored" in replay.session.note
    assert "its control" in replay.words
    step = trainer.step(replay.session.session_id, 60)
    assert weights_digest(step.weights()) == step.weights_sha256
    assert step.gradients()["inner.hidden.weight"].shape == (12, 3 * 6 * 16)


def test_the_control_of_ones_own_module_begins_with_the_same_weights(workspace: Workspace) -> None:
    replay = CNNTrainer(dense(), workspace=workspace, params=SMALL_CNN).train_on_profitable_episodes(
        SYMBOL, max_episodes=200
    )
    assert replay.session.weights_sha256 != replay.control.weights_sha256
    again = CNNTrainer(dense(), workspace=workspace, params=SMALL_CNN).train_on_profitable_episodes(
        SYMBOL, max_episodes=200
    )
    assert again.session.weights_sha256 == replay.session.weights_sha256
    assert again.control.weights_sha256 == replay.control.weights_sha256


def test_training_on_all_episodes_is_a_session_like_any_other(trainer: CNNTrainer) -> None:
    session = trainer.train(SYMBOL, seed=3)
    assert (session.state, session.seed, session.steps) == ("succeeded", 3, 60)
    assert session == trainer.session(session.session_id)


def test_bad_input_is_refused_in_words(trainer: CNNTrainer, tmp_path: Path) -> None:
    with pytest.raises(WaitingForEpisodes, match=r"waiting \d+/100"):
        trainer.train_on_profitable_episodes(SYMBOL, min_profitability=0.99)
    with pytest.raises(NotEnoughRows, match="DOGE/USDT"):
        trainer.train_on_profitable_episodes("DOGE/USDT")
    with pytest.raises(StorageError, match="session 9999"):
        trainer.session(9999)
    with pytest.raises(NotEnoughRows, match="candles of any symbol"):
        CNNTrainer(Dense(), workspace=tmp_path / "empty", params=SMALL_CNN).train()
