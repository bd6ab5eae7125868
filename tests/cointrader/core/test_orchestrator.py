"""The orchestrator: whose doing a decision is, and outcomes that teach those it was, through the queue."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cointrader.core.close_hook import CloseHook
from cointrader.core.opinions import DISABLED, Panel
from cointrader.core.orchestrator import Orchestrator, OutcomeRefused
from cointrader.trading.contributions import Contributions, MissingWeight, contributions
from cointrader.trading.model_id import ModelId
from models.setup_rows import BUY, HOLD, SELL
from storage.candles import Candles
from storage.closes import closed_position
from storage.database import open_database, transaction
from storage.workspace import Workspace
from tests.cointrader.training.close_training.taught_world import (
    close_trades,
    decided_workspace,
    series_of,
)

pytestmark = pytest.mark.xdist_group("torch")


@dataclass(frozen=True)
class TradeRecord:
    pnl: float
    side: str = "LONG"


@dataclass(frozen=True)
class HeldPosition:
    id: int


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = decided_workspace(tmp_path_factory.mktemp("decided") / "workspace")
    with closing(open_database(made)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return made.root


@pytest.fixture
def world(decided: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(decided, tmp_path / "world")))


@pytest.fixture
def opened(world: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(open_database(world)) as connection:
        yield connection


def extreme_bar(series: Candles, sign: int) -> int:
    """A late bar whose close is above (1) or below (-1) the five before it."""
    from models.cnn.pivots import extremes

    return int(np.flatnonzero(extremes(series.close, 5) == sign)[-20])


def test_contributions_are_made_of_what_the_champions_say_of_the_side(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    from models import registry
    from models.cnn.pivots import HIGH, LOW
    from storage.vault import load_artifact

    series = series_of(world, opened)
    cnn = registry.load("cnn").load(load_artifact(world, opened, "cnn").files)
    dqn: Any = registry.load("dqn").load(load_artifact(world, opened, "dqn").files)
    orchestrator = Orchestrator(world, opened)
    for sign, side, pivot, action in ((-1, "long", LOW, BUY), (1, "short", HIGH, SELL)):
        bar = extreme_bar(series, sign)
        found = orchestrator.contributions("BTC/USDT", int(series.close_ms[bar]), side, 0.5)
        history = series.cut(0, bar + 1)
        pivots = cnn.predict(history)
        # The bar is later than all that the CNN has learned from, so the DQN is told what the CNN says.
        cross = np.hstack([np.nan_to_num(pivots), np.ones((len(history), 1))]).astype(np.float32)
        said = {
            ModelId.CNN: float(pivots[-1, pivot]),
            ModelId.DQN: float(dqn.predict(history, cross)[-1, action]),
        }
        expected = contributions(said, 0.5)
        for model in said:
            assert found.share(model) == pytest.approx(expected.share(model), abs=1e-6)
        assert found.rule == pytest.approx(expected.rule, abs=1e-6)
        assert found.absent == {ModelId.COB_RL: "no version of cob_rl decides yet"}


def test_later_bars_change_nothing_of_what_is_said(world: Workspace, opened: sqlite3.Connection) -> None:
    series = series_of(world, opened)
    bar = extreme_bar(series, -1)
    moment = int(series.close_ms[bar])
    whole = Panel(world, opened)
    cut = Panel(world, opened)
    cut.bars.series = lambda symbol, timeframe_ms=0: series.cut(0, bar + 1)  # type: ignore[method-assign]
    assert cut.ask("BTC/USDT", moment, "long") == whole.ask("BTC/USDT", moment, "long")


def test_a_paper_signal_gets_shares_that_add_up_and_name_who_was_there(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    from cointrader.core.book import SIGNAL

    series = series_of(world, opened)
    bar = extreme_bar(series, -1)
    record = np.zeros(1, SIGNAL)
    record["side"], record["confidence"] = 1, 0.4
    shares = Orchestrator(world, opened).shares(record[0], series.cut(0, bar + 1))
    assert set(shares.models) == set(shares.probability) == {ModelId.CNN, ModelId.DQN}
    assert shares.rule + sum(shares.models.values()) == pytest.approx(1.0)
    # What is kept with the signal is all of it.
    kept = Contributions.from_json(shares.to_json()).with_opinion(shares.opinion_json())
    assert kept == shares and kept.absent == {ModelId.COB_RL: "no version of cob_rl decides yet"}


def test_without_models_nothing_is_made_up_and_the_log_says_so(
    workspace: Workspace, connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    orchestrator = Orchestrator(workspace, connection)
    with caplog.at_level(logging.CRITICAL):
        found = orchestrator.contributions("BTC/USDT", 1_000, "long", 0.7)
        orchestrator.contributions("BTC/USDT", 2_000, "long", 0.7)
    assert found.rule == 1.0 and not found.models and set(found.absent) == set(ModelId)
    assert [record.message for record in caplog.records] == [
        f"{DISABLED} {model.label}: no version of {model} decides yet" for model in ModelId
    ]
    assert DISABLED == (
        "CRITICAL: Enhanced training system not available - predictions disabled. NEVER use mock data."
    )
    told = connection.execute("SELECT text FROM event WHERE kind = 'prediction'").fetchall()
    assert len(told) == 3 and all(text.startswith(DISABLED) for (text,) in told)
    assert orchestrator.cnn_model is orchestrator.dqn_agent is orchestrator.cob_rl_model is None


@pytest.mark.parametrize(
    ("side", "action"),
    [("BUY", BUY), ("buy", BUY), ("LONG", BUY), ("SELL", SELL), ("short", SELL), ("HOLD", HOLD)],
)
def test_the_action_is_that_of_the_side_that_was_entered(
    workspace: Workspace, connection: sqlite3.Connection, side: str, action: int
) -> None:
    assert Orchestrator(workspace, connection)._action_to_index(side) == action


def test_a_word_that_is_no_side_is_refused(workspace: Workspace, connection: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="'close' is no side"):
        Orchestrator(workspace, connection)._action_to_index("close")


def test_the_dqn_is_there_as_an_agent_that_remembers(world: Workspace, opened: sqlite3.Connection) -> None:
    orchestrator = Orchestrator(world, opened)
    agent: Any = orchestrator.dqn_agent
    state = orchestrator._extract_current_state("BTC/USDT")
    assert state.shape == (20,) and agent is orchestrator.dqn_agent
    wide = np.zeros(len(agent.feature_names), np.float32)
    wide[:20] = state
    for _ in range(33):
        agent.remember(wide, BUY, 0.3, wide, done=True)
    assert len(agent.memory) == 33 and agent.replay(batch_size=32) >= 0.0


@pytest.mark.slow
def test_an_outcome_teaches_through_the_queue_and_a_second_time_changes_nothing(
    world: Workspace, opened: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    (position_id,) = close_trades(world, opened, 1)
    close = closed_position(opened, position_id)
    hook = CloseHook(opened, Orchestrator(world, opened, wait_seconds=120.0))
    with caplog.at_level(logging.INFO):
        outcome = hook._on_position_close(TradeRecord(close.pnl), HeldPosition(position_id))
    assert outcome is not None and outcome.trained_all
    assert {model: lesson.state for model, lesson in outcome.lessons.items()} == {
        ModelId.CNN: "trained",
        ModelId.DQN: "trained",
        ModelId.COB_RL: "absent",
    }
    loss = outcome.lessons[ModelId.DQN].loss
    lines = [record.message for record in caplog.records if record.levelno == logging.INFO]
    assert lines[-4:] == [
        f"REWARD CALC: PnL={close.pnl:.4f}, Time=0.0000, Risk=0.0000, Final={close.reward:.4f}",
        "CNN trained with weight 0.35",
        f"DQN trained with weight 0.25, loss={loss:.4f}",
        f"TRAINED ALL MODELS: PnL=${close.pnl:.2f}, Reward={close.reward:.4f}",
    ]
    versions = opened.execute("SELECT count(*) FROM artifact").fetchone()
    again = hook._on_position_close(TradeRecord(close.pnl), HeldPosition(position_id))
    assert again == outcome
    assert opened.execute("SELECT count(*) FROM artifact").fetchone() == versions
    kinds = opened.execute("SELECT DISTINCT kind FROM job").fetchall()
    assert ("train_closes",) in kinds


def test_numbers_that_are_not_those_of_the_close_teach_nothing(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    (position_id,) = close_trades(world, opened, 1)
    close = closed_position(opened, position_id)
    hook = CloseHook(opened)
    orchestrator = Orchestrator(world, opened)
    told = hook.position_tracker.get_signal_for_position(position_id)
    assert told is not None
    with pytest.raises(OutcomeRefused, match="the reward of position 1"):
        orchestrator.train_on_trade_outcome(told, TradeRecord(close.pnl), close.reward * 2)
    with pytest.raises(OutcomeRefused, match="the PnL of position 1"):
        orchestrator.train_on_trade_outcome(told, TradeRecord(close.pnl + 1), close.reward)
    with pytest.raises(OutcomeRefused, match="position 1 was entered long"):
        # The side of the closing order: a long is closed by a sale.
        orchestrator.train_on_trade_outcome({**told, "side": "SELL"}, TradeRecord(close.pnl), close.reward)
    with pytest.raises(OutcomeRefused, match=r"the weight of cnn is 0\.35 there, not 0\.9"):
        orchestrator._train_cnn_on_outcome(told["market_state"], BUY, close.reward, 0.9)
    missing = {name: weight for name, weight in told["models_used"].items() if name != "cob_rl"}
    with pytest.raises(MissingWeight, match="cob_rl"):
        orchestrator.train_on_trade_outcome(
            {**told, "models_used": missing}, TradeRecord(close.pnl), close.reward
        )
    assert opened.execute("SELECT count(*) FROM outbox WHERE state = 'trained'").fetchone() == (0,)


def test_a_position_that_no_signal_stands_behind_is_told_of_and_teaches_nothing(
    workspace: Workspace, connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    assert CloseHook(connection)._on_position_close(TradeRecord(1.0), HeldPosition(41)) is None
    assert "No signal found for position 41" in caplog.messages


def test_a_close_without_a_signal_is_filed_and_told_of(world: Workspace, opened: sqlite3.Connection) -> None:
    (position_id,) = close_trades(world, opened, 1)
    said: list[str] = []
    orchestrator = Orchestrator(world, opened, say=said.append)
    with transaction(opened):
        orchestrator.file_close(opened, position_id)
    assert [line[:12] for line in said] == ["REWARD CALC:"]
    with transaction(opened):
        opened.execute("DELETE FROM signal_position")
        orchestrator.file_close(opened, position_id)
    assert said[1] == f"No signal found for position {position_id}"


def test_a_close_below_the_warm_up_is_not_waited_for(world: Workspace, opened: sqlite3.Connection) -> None:
    (position_id,) = close_trades(world, opened, 1)
    world.config.write_text("[training]\nmin_episodes_for_cnn_training = 1000000\n")
    close = closed_position(opened, position_id)
    lesson = Orchestrator(world, opened)._train_cnn_on_outcome(
        {"position_id": position_id}, BUY, close.reward, 0.35
    )
    assert lesson.state == "waiting" and lesson.reason.endswith("/1,000,000")
    assert opened.execute("SELECT count(*) FROM job WHERE kind = 'train_closes'").fetchone() == (0,)


def test_what_was_decided_at_a_bar_is_told_to_the_training_system(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    from cointrader.training.integrating.components import Orchestrator as Expected

    close_trades(world, opened, 1)
    orchestrator = Orchestrator(world, opened)
    assert isinstance(orchestrator, Expected)
    ((moment,),) = opened.execute("SELECT ts_ms FROM signal").fetchall()
    decision = orchestrator.decision("BTC/USDT", moment)
    assert decision is not None and (decision.side, decision.accepted) == ("long", True)
    assert orchestrator.decision("BTC/USDT", moment + 1) is None
