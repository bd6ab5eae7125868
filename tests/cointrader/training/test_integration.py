"""The training system beside a program that has its own candles, decisions, trades and models."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from cointrader.data_feeds.errors import CandleFileError
from cointrader.settings import Settings
from cointrader.training.enhanced_training_integration import (
    EnhancedTrainingConfig,
    EnhancedTrainingIntegration,
)
from cointrader.training.integrating.components import Decision, FinishedTrade
from cointrader.training.replaying.errors import WaitingForEpisodes
from cointrader.training.training_integration import TrainingIntegration
from models.candle_series import CandleSeries, PlainCandles, truncate
from models.parameters import ParameterError
from models.setup_rows import BUY, HOLD
from storage.candles import candle_record
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.conftest import Eventually

MINUTE = 60_000
SYMBOL = "BTC/USDT"


def random_walk(bars: int, symbol: str = SYMBOL) -> PlainCandles:
    """Made-up candles; whatever is learned from them is synthetic."""
    draw = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 2e-3, bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    reach = np.abs(draw.normal(0.0, 5e-4, bars)) * close
    return PlainCandles(
        symbol=symbol,
        timeframe_ms=5 * MINUTE,
        close_ms=1_700_000_100_000 + np.arange(bars, dtype=np.int64) * 5 * MINUTE,
        open=opened,
        high=np.maximum(opened, close) + reach,
        low=np.minimum(opened, close) - reach,
        close=close,
        volume=draw.uniform(1.0, 9.0, bars),
    )


def truncated(series: PlainCandles, bars: int) -> PlainCandles:
    """The first bars of a series."""
    columns: dict[str, Any] = {
        name: value[:bars] for name, value in vars(series).items() if isinstance(value, np.ndarray)
    }
    return dataclasses.replace(series, **columns)


class Feed:
    """The program's candles; `shown` says how many bars have closed."""

    provenance = "synthetic"

    def __init__(self, series: PlainCandles, shown: int) -> None:
        self.series, self.shown = series, shown
        self.symbols: tuple[str, ...] = (series.symbol,)

    def candles(self, symbol: str) -> CandleSeries:
        return truncate(self.series, self.shown)


class Decisions:
    """Buys at one bar."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms
        self.asked: list[int] = []

    def decision(self, symbol: str, ts_ms: int) -> Decision | None:
        self.asked.append(ts_ms)
        return Decision("long") if ts_ms == self.at_ms else None


class Trades:
    """What was closed."""

    def __init__(self, *trades: FinishedTrade) -> None:
        self.trades = trades

    def closed_trades(self, after_ms: int) -> Sequence[FinishedTrade]:
        return [trade for trade in self.trades if trade.closed_ms > after_ms]


class OwnCnn:
    def __init__(self) -> None:
        self.trained: list[str] = []

    def train_on_profitable_episodes(
        self, symbol: str, min_profitability: float = 0.7, max_episodes: int = 500
    ) -> object:
        self.trained.append(symbol)
        return None


class OwnAgent:
    def __init__(self) -> None:
        self.trained: list[str] = []

    def train_on_experiences(self, symbol: str) -> object:
        self.trained.append(symbol)
        return None


def made_trade(side: str, at_ms: int) -> FinishedTrade:
    """One that was opened at a decision and closed seven minutes later, with a small gain."""
    return FinishedTrade(
        symbol=SYMBOL,
        side=side,
        signal_ms=at_ms,
        opened_ms=at_ms,
        closed_ms=at_ms + 7 * MINUTE,
        pnl=2.35,
        notional=5_000.0,
        equity=10_000.0,
    )


@pytest.fixture
def feed() -> Feed:
    return Feed(random_walk(400), shown=300)


@pytest.fixture
def integration(workspace: Workspace, feed: Feed) -> Iterator[TrainingIntegration]:
    made = TrainingIntegration(feed, workspace=workspace)
    yield made
    made.close()


def setups(connection: sqlite3.Connection) -> list[tuple[int, int, str]]:
    return connection.execute("SELECT ts_ms, taken, state FROM setup ORDER BY ts_ms").fetchall()


def test_only_bars_that_have_closed_become_setups_and_each_once(
    integration: TrainingIntegration, connection: sqlite3.Connection, feed: Feed
) -> None:
    assert integration.collect() > 0
    seen = setups(connection)
    assert max(row[0] for row in seen) <= feed.series.close_ms[299]
    assert integration.collect() == 0
    feed.shown = 400
    added = integration.collect()
    assert len(setups(connection)) == len(seen) + added and added > 0


def test_bars_of_the_program_are_kept_as_candles_with_their_lineage(
    integration: TrainingIntegration, connection: sqlite3.Connection
) -> None:
    integration.collect()
    row = candle_record(connection, SYMBOL, 5 * MINUTE)
    assert row is not None and (row.bars, row.provenance) == (300, "synthetic")
    assert connection.execute("SELECT DISTINCT provenance FROM setup").fetchall() == [("synthetic",)]


def test_made_up_bars_are_never_added_to_real_ones(
    integration: TrainingIntegration, connection: sqlite3.Connection, workspace: Workspace, feed: Feed
) -> None:
    store_candles(workspace, connection, truncated(feed.series, 200), provenance="import")
    with pytest.raises(CandleFileError, match="kept as 'import' and this file is 'synthetic'"):
        integration.collect()
    row = candle_record(connection, SYMBOL, 5 * MINUTE)
    assert row is not None and (row.bars, row.provenance) == (200, "import")
    assert setups(connection) == []


def test_setups_of_made_up_bars_say_so_whatever_is_stored_of_the_series(
    integration: TrainingIntegration, connection: sqlite3.Connection, workspace: Workspace, feed: Feed
) -> None:
    store_candles(workspace, connection, feed.series, provenance="import")
    assert integration.collect() > 0
    assert connection.execute("SELECT DISTINCT provenance FROM setup").fetchall() == [("synthetic",)]


def test_an_outcome_waits_for_bars_that_the_program_has_not_shown(
    integration: TrainingIntegration, connection: sqlite3.Connection, feed: Feed
) -> None:
    integration.collect()
    settled = integration.validate()
    assert settled.validated > 0
    states = dict.fromkeys(state for _, _, state in setups(connection))
    horizon_ms = 15 * MINUTE
    last = int(feed.series.close_ms[299])
    for ts_ms, _, state in setups(connection):
        assert (state == "validated") == (ts_ms + horizon_ms <= last)
    assert "validated" in states


def test_what_the_orchestrator_did_is_the_action_of_the_setup(
    workspace: Workspace, connection: sqlite3.Connection, feed: Feed
) -> None:
    at_ms = int(feed.series.close_ms[250])
    decisions = Decisions(at_ms)
    integration = TrainingIntegration(feed, orchestrator=decisions, workspace=workspace)
    integration.collect()
    taken = {ts_ms: action for ts_ms, action, _ in setups(connection)}
    assert taken[at_ms] == BUY
    assert all(action == HOLD for ts_ms, action in taken.items() if ts_ms != at_ms)
    feed.shown = 301
    decisions.asked.clear()
    integration.collect()
    assert decisions.asked == [int(feed.series.close_ms[300])]
    integration.close()


def test_a_closed_trade_becomes_one_experience_with_its_reward(
    workspace: Workspace, connection: sqlite3.Connection, feed: Feed
) -> None:
    at_ms = int(feed.series.close_ms[250])
    trade = made_trade("long", at_ms)
    integration = TrainingIntegration(
        feed, orchestrator=Decisions(at_ms), executor=Trades(trade), workspace=workspace
    )
    integration.collect()
    integration.validate()
    integration.validate()
    rows = connection.execute(
        "SELECT \"action\", reward, terminated, is_profitable FROM experience WHERE source = 'close'"
    ).fetchall()
    # tanh(0.047) + 0.2 tanh(0.047) + 0.05 tanh(0.235) - 0.002, with no earlier trade to remember
    assert rows == [(BUY, pytest.approx(0.065897, abs=1e-6), 1, 1)]
    integration.close()


def test_a_symbol_with_too_few_episodes_does_not_keep_the_others(workspace: Workspace, feed: Feed) -> None:
    class Choosy(OwnCnn):
        def train_on_profitable_episodes(
            self, symbol: str, min_profitability: float = 0.7, max_episodes: int = 500
        ) -> object:
            if symbol == "ETH/USDT":
                raise WaitingForEpisodes(63, 100, "so few")
            return super().train_on_profitable_episodes(symbol)

    cnn, agent = Choosy(), OwnAgent()
    few = EnhancedTrainingConfig(min_episodes_for_cnn_training=10, min_experiences_for_rl_training=10)
    integration = TrainingIntegration(
        feed, cnn=cnn, rl=agent, workspace=workspace, settings=few.within(Settings())
    )
    integration.collect()
    integration.validate()
    feed.symbols = ("ETH/USDT", SYMBOL)
    trained, _ = integration.train()
    assert (trained.what, cnn.trained) == ("done", [SYMBOL])
    assert trained.words == f"trained on {SYMBOL}; ETH/USDT: waiting 63/100: so few"
    assert agent.trained == ["ETH/USDT", SYMBOL]
    integration.close()


def test_the_users_own_models_train_when_there_is_enough(workspace: Workspace, feed: Feed) -> None:
    cnn, agent = OwnCnn(), OwnAgent()
    few = EnhancedTrainingConfig(min_episodes_for_cnn_training=10, min_experiences_for_rl_training=10)
    integration = TrainingIntegration(
        feed, cnn=cnn, rl=agent, workspace=workspace, settings=few.within(Settings())
    )
    waiting = integration.train()
    assert [(each.what, each.words) for each in waiting] == [("waiting", "0/10")] * 2
    integration.collect()
    integration.validate()
    assert [each.what for each in integration.train()] == ["done", "done"]
    assert (cnn.trained, agent.trained) == ([SYMBOL], [SYMBOL])
    assert [each.what for each in integration.train()] == ["waiting", "waiting"]
    integration.close()


def test_a_model_that_fails_does_not_keep_the_other_from_its_turn(workspace: Workspace, feed: Feed) -> None:
    class Broken(OwnCnn):
        def train_on_profitable_episodes(
            self, symbol: str, min_profitability: float = 0.7, max_episodes: int = 500
        ) -> object:
            raise RuntimeError("no such layer")

    agent = OwnAgent()
    few = EnhancedTrainingConfig(min_episodes_for_cnn_training=10, min_experiences_for_rl_training=10)
    integration = TrainingIntegration(
        feed, cnn=Broken(), rl=agent, workspace=workspace, settings=few.within(Settings())
    )
    integration.collect()
    integration.validate()
    turn = integration.train()
    assert [(each.what, each.words) for each in turn] == [
        ("failed", "RuntimeError: no such layer"),
        ("done", f"trained on {SYMBOL}"),
    ]
    assert agent.trained == [SYMBOL]
    integration.close()


def test_without_own_models_ours_are_queued(
    workspace: Workspace, connection: sqlite3.Connection, feed: Feed
) -> None:
    few = EnhancedTrainingConfig(min_episodes_for_cnn_training=10, min_experiences_for_rl_training=10)
    integration = TrainingIntegration(feed, workspace=workspace, settings=few.within(Settings()))
    integration.collect()
    integration.validate()
    assert [each.what for each in integration.train()] == ["queued", "queued"]
    agents = connection.execute("SELECT json_extract(arguments_json, '$.agent') FROM job").fetchall()
    assert agents == [("cnn",), ("dqn",)]
    integration.close()


def test_the_documented_defaults() -> None:
    assert dataclasses.asdict(EnhancedTrainingConfig()) == {
        "collection_interval": 1.0,
        "min_data_completeness": 0.8,
        "min_episodes_for_cnn_training": 100,
        "min_experiences_for_rl_training": 200,
        "min_profitability_for_replay": 0.1,
        "enable_background_validation": True,
    }


@pytest.mark.parametrize("wrong", [{"collection_interval": 0.0}, {"min_data_completeness": 1.5}])
def test_a_value_out_of_range_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        EnhancedTrainingConfig(**wrong)  # type: ignore[arg-type]


def test_a_part_that_cannot_do_its_work_is_refused_before_anything_starts(
    workspace: Workspace, feed: Feed
) -> None:
    with pytest.raises(TypeError, match="orchestrator must have the method decision"):
        EnhancedTrainingIntegration(feed, OwnCnn(), workspace=workspace)  # type: ignore[arg-type]


def test_workers_collect_and_validate_by_themselves_and_say_how_it_goes(
    workspace: Workspace, feed: Feed, eventually: Eventually
) -> None:
    integration = EnhancedTrainingIntegration(
        feed, config=EnhancedTrainingConfig(collection_interval=0.05), workspace=workspace
    )
    assert not integration.get_integration_statistics()["healthy"]
    with integration:
        eventually(lambda: integration.get_integration_statistics()["outcomes_validated"] > 0)
        before = integration.get_integration_statistics()
        feed.shown = 400
        eventually(
            lambda: (
                integration.get_integration_statistics()["packages_collected"] > before["packages_collected"]
            )
        )
        told = integration.get_integration_statistics()
    assert told["healthy"] and told["last_error"] == ""
    assert 0.6 <= told["mean_completeness"] <= 1.0
    assert set(told["workers"]) == {"collection", "validation", "training"}
    stopped = integration.get_integration_statistics()
    assert not any(worker["alive"] for worker in stopped["workers"].values())


def test_a_program_whose_data_fail_is_told_and_the_workers_go_on(
    workspace: Workspace, feed: Feed, eventually: Eventually
) -> None:
    series = feed.series
    broken = series.close.copy()
    broken[280] = np.nan
    feed.series = dataclasses.replace(series, close=broken)
    integration = EnhancedTrainingIntegration(
        feed, config=EnhancedTrainingConfig(collection_interval=0.05), workspace=workspace
    )
    with integration:
        eventually(lambda: "close" in integration.get_integration_statistics()["last_error"])
        assert not integration.get_integration_statistics()["healthy"]
        feed.series = series
        eventually(lambda: integration.get_integration_statistics()["packages_collected"] > 0)
        eventually(lambda: integration.get_integration_statistics()["healthy"])


def test_without_background_validation_nothing_is_validated(
    workspace: Workspace, feed: Feed, eventually: Eventually
) -> None:
    config = EnhancedTrainingConfig(collection_interval=0.05, enable_background_validation=False)
    with EnhancedTrainingIntegration(feed, config=config, workspace=workspace) as integration:
        eventually(lambda: integration.get_integration_statistics()["workers"]["collection"]["turns"] > 2)
        told = integration.get_integration_statistics()
    assert told["packages_collected"] > 0 and told["outcomes_validated"] == 0
    assert set(told["workers"]) == {"collection", "training"}
