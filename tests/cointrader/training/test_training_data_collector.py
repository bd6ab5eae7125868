"""The collector: the history of a symbol once, then each bar as it closes, and what it says of all that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from cointrader.data_feeds.data_provider import DataProvider
from cointrader.settings import Settings, TrainingSettings
from cointrader.training.training_data_collector import (
    ModelInputPackage,
    Occasion,
    TrainingDataCollector,
    TrainingOutcome,
)
from models.candle_series import PlainCandles, truncate
from models.errors import BadCandles, NotEnoughRows
from models.setup_rows import BUY
from storage.collection import collection_of
from storage.database import transaction
from storage.setups import SetupRow, packs, setups_after
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import MINUTES_5, random_walk

WALK = random_walk(700, seed=21)


class GrowingProvider:
    """Candles that close one after the other, by a clock of their own."""

    def __init__(self, series: PlainCandles, bars: int) -> None:
        self.series, self.bars, self.late_ms = series, bars, 0
        self.symbols, self.provenance = (series.symbol,), "live"

    @property
    def now_ms(self) -> int:
        return int(self.series.close_ms[max(0, self.bars - 1)]) + self.late_ms

    def candles(self, symbol: str) -> PlainCandles:
        return truncate(self.series, self.bars)


@pytest.fixture
def provider() -> GrowingProvider:
    return GrowingProvider(WALK, 500)


@pytest.fixture
def collector(workspace: Workspace, provider: GrowingProvider) -> Iterator[TrainingDataCollector]:
    with closing(TrainingDataCollector(provider, Settings(), workspace=workspace)) as made:
        yield made


def stored(connection: sqlite3.Connection) -> list[SetupRow]:
    return setups_after(connection, "BTC/USDT", MINUTES_5, -1, 1_000_000)


def key_of(row: SetupRow) -> tuple[object, ...]:
    """What a setup is, apart from where it is kept and when it came there."""
    elsewhere = {"id": 0, "pack_id": 0, "pack_row": 0, "collected_ms": 0, "rev": 0}
    return tuple(vars(replace(row, **elsewhere)).values())


def test_bar_by_bar_collects_what_one_collection_of_the_history_does(
    connection: sqlite3.Connection,
    collector: TrainingDataCollector,
    provider: GrowingProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    collected = collector.collect("BTC/USDT").collected
    for bars in range(501, 541):
        provider.bars = bars
        collected += collector.collect("BTC/USDT").collected
    live = stored(connection)
    assert len(live) == collected and len(packs(connection)) > 10
    other = Workspace(tmp_path_factory.mktemp("whole"))
    whole = GrowingProvider(WALK, 540)
    whole.late_ms = 10 * MINUTES_5  # so late that all of it is history
    with closing(TrainingDataCollector(whole, Settings(), workspace=other)) as at_once:
        report = at_once.collect("BTC/USDT")
        assert report.collected == collected and len(packs(at_once._connection)) == 1
        assert [key_of(row) for row in stored(at_once._connection)] == [key_of(row) for row in live]
        ids = [row.id for row in stored(at_once._connection)][-5:]
        theirs = [each.sha256 for each in at_once.packages(ids)]
    assert theirs == [each.sha256 for each in collector.packages([row.id for row in live][-5:])]


def test_asking_again_before_another_bar_closes_collects_nothing(
    connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    collector.collect("BTC/USDT")
    before = len(stored(connection))
    assert collector.collect("BTC/USDT").collected == 0
    assert len(stored(connection)) == before


def test_a_bar_that_calls_for_nothing_moves_the_collection_on(
    connection: sqlite3.Connection, collector: TrainingDataCollector, provider: GrowingProvider
) -> None:
    for bars in range(500, 512):
        provider.bars = bars
        report = collector.collect("BTC/USDT")
        row = collection_of(connection, "BTC/USDT", MINUTES_5)
        assert row is not None and row.last_ts_ms == report.until_ms == WALK.close_ms[bars - 1]


def test_a_live_package_holds_what_a_network_makes_of_the_bars_so_far(
    workspace: Workspace, connection: sqlite3.Connection, provider: GrowingProvider
) -> None:
    lengths: list[int] = []

    def features(series: PlainCandles) -> np.ndarray:
        lengths.append(len(series.close))
        return np.array([0.2, 0.5, 0.3])

    made = TrainingDataCollector(provider, Settings(), workspace=workspace, cnn_features=features)  # type: ignore[arg-type]
    with closing(made) as collector:
        collector.collect("BTC/USDT")
        for bars in range(501, 520):
            provider.bars = bars
            collector.collect("BTC/USDT")
        live = [row for row in stored(connection) if row.completeness > 0.75]
        assert live and lengths[-1] == 519
        package = collector.packages([live[-1].id])[0]
    assert package.completeness_score == live[-1].completeness == pytest.approx(0.8)
    np.testing.assert_array_equal(package.cnn_features, np.array([0.2, 0.5, 0.3], dtype=np.float32))


def test_a_package_can_be_looked_at_without_being_stored(
    connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    package = collector.package("BTC/USDT")
    assert package.timestamp == WALK.close_ms[499] and len(package.data_hash) == 32
    assert stored(connection) == []


def test_a_package_of_ones_own_is_stored_once_and_read_back(
    connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    package = collector.package("BTC/USDT")
    assert collector.add(package, Occasion(side="short", taken=BUY)).added
    assert not collector.add(package).added
    (row,) = stored(connection)
    assert (row.side, row.taken, row.sha256, row.md5) == ("short", BUY, package.sha256, package.data_hash)
    assert len(packs(connection)) == 1
    assert collector.packages([row.id])[0].sha256 == package.sha256


def test_a_moment_that_is_stored_already_leaves_no_file_behind(
    workspace: Workspace, connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    package = collector.package("BTC/USDT")
    collector.add(package)
    assert not collector.add(changed(package, pivots=None)).added
    assert len(list((workspace.datasets / "setups").iterdir())) == len(packs(connection)) == 1


def changed(package: ModelInputPackage, **values: object) -> ModelInputPackage:
    names = ("timestamp", "symbol", "timeframe_ms", "ohlcv", "indicators", "pivots", "rl_state", "context")
    return ModelInputPackage(**{**{name: getattr(package, name) for name in names}, **values})  # type: ignore[arg-type]


def test_an_invalid_field_that_is_not_essential_is_kept_out_of_the_pack(
    connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    package = changed(collector.package("BTC/USDT"), indicators=np.full(10, np.nan))
    assert collector.add(package).added
    (row,) = stored(connection)
    kept = collector.packages([row.id])[0]
    assert kept.indicators is None and kept.sha256 == row.sha256 != package.sha256
    assert row.completeness == pytest.approx(0.6)


@pytest.mark.parametrize("field", ["ohlcv", "rl_state"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_package_with_numbers_that_are_none_is_refused_and_counted(
    connection: sqlite3.Connection, collector: TrainingDataCollector, field: str, bad: float
) -> None:
    package = collector.package("BTC/USDT")
    values = np.array(getattr(package, field))
    values.reshape(-1)[7] = bad
    stored_as = collector.add(changed(package, **{field: values}))
    assert not stored_as.added and stored(connection) == [] and packs(connection) == []
    reason = "bad_values" if field == "ohlcv" else "short_history"
    said = collector.statistics()
    assert said.refused == 1 and said.refused_by_reason[reason].n == 1
    assert "BTC/USDT at 1970-01-02" in said.refused_by_reason[reason].example


def test_a_package_of_the_future_is_refused_and_does_not_move_the_collection(
    connection: sqlite3.Connection, collector: TrainingDataCollector, provider: GrowingProvider
) -> None:
    package = collector.package("BTC/USDT")
    provider.bars = 400
    assert list(collector.add(package).refused) == ["future"]
    assert collector.collect("BTC/USDT").collected > 100


def test_a_package_below_the_least_completeness_is_refused(
    workspace: Workspace, provider: GrowingProvider
) -> None:
    strict = replace(Settings(), training=replace(TrainingSettings(), min_data_completeness=1.0))
    with closing(TrainingDataCollector(provider, strict, workspace=workspace)) as collector:
        package = changed(collector.package("BTC/USDT"), pivots=None)
        assert list(collector.add(package).refused) == ["incomplete"]
        example = collector.statistics().refused_by_reason["incomplete"].example
    assert example.endswith("86% of what is needed, and 100% is the least; missing: pivots")


def test_statistics_add_up_and_name_the_last_error(
    collector: TrainingDataCollector, provider: GrowingProvider
) -> None:
    empty = collector.statistics()
    assert (empty.packages_collected, empty.mean_completeness, empty.last_error) == (0, None, "")
    report = collector.collect("BTC/USDT")
    said = collector.statistics()
    assert said.packages_collected == report.collected and said.mean_completeness == pytest.approx(0.7)
    assert said.refused == sum(report.refused.values()) == said.refused_by_reason["short_history"].n
    assert (said.rapid_changes, said.outcomes_validated) == (report.rapid, 0)
    close = WALK.close.copy()
    close[505] = np.nan
    provider.series, provider.bars = replace(WALK, close=close), 506
    with pytest.raises(BadCandles):
        collector.collect("BTC/USDT")
    assert "close of bar 505 is nan" in collector.statistics().last_error


def test_an_outcome_is_not_known_before_it_is_validated(
    connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    collector.collect("BTC/USDT")
    row = stored(connection)[0]
    assert collector.outcome(row.id) == TrainingOutcome(None, None, None, None, outcome_validated=False)
    with transaction(connection):
        connection.execute(
            "UPDATE setup SET state = 'validated', net_return = 0.004, score = 0.69, is_profitable = 1, "
            "optimal_action = 0 WHERE id = ?",
            (row.id,),
        )
    assert collector.outcome(row.id) == TrainingOutcome(0.004, 0.69, 0, True, outcome_validated=True)


def test_a_symbol_without_bars_has_no_package(
    collector: TrainingDataCollector, provider: GrowingProvider
) -> None:
    provider.bars = 0
    assert collector.collect("BTC/USDT").collected == 0
    with pytest.raises(NotEnoughRows):
        collector.package("BTC/USDT")


def test_a_workspace_collects_from_its_own_candles(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store_candles(workspace, connection, WALK)
    store_candles(workspace, connection, replace(WALK, symbol="ETH/USDT"))
    with closing(TrainingDataCollector(workspace)) as collector:
        report = collector.collect("BTC/USDT")
    assert report.collected > 100 and {row.provenance for row in stored(connection)} == {"import"}
    with closing(DataProvider(["BTC/USDT"], workspace)) as own:
        assert own.provenance == "import"
