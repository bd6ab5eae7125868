"""Packs over time: small ones are put together, damaged ones made again, and no setup changes by that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from cointrader.settings import Settings
from cointrader.training.collecting import repacking
from cointrader.training.collecting.columns import WINDOW_BARS, series_columns
from cointrader.training.collecting.history import collect_history
from cointrader.training.collecting.live import package_at
from cointrader.training.collecting.package import ModelInputPackage
from cointrader.training.collecting.packs import PackDamaged, packages_of, read_pack
from cointrader.training.collecting.repacking import join_live_packs
from cointrader.training.training_data_collector import TrainingDataCollector
from models.candle_series import PlainCandles, truncate
from storage.setups import SetupRow, packs, setups_after
from storage.workspace import Workspace
from tests.models.walks import MINUTES_5, random_walk

WALK = random_walk(500, seed=31)
COLUMNS = series_columns(WALK, Settings().rapid)


class Provider:
    """The walk, all of it closed."""

    symbols, provenance, now_ms = (WALK.symbol,), "live", int(WALK.close_ms[-1])

    def candles(self, symbol: str) -> PlainCandles:
        return WALK


@pytest.fixture
def collector(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingDataCollector]:
    monkeypatch.setattr(repacking, "MANY", 8)
    with closing(TrainingDataCollector(Provider(), Settings(), workspace=workspace)) as made:
        yield made


def stored(connection: sqlite3.Connection) -> list[SetupRow]:
    return setups_after(connection, "BTC/USDT", MINUTES_5, -1, 1_000_000)


def files_of(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in (workspace.datasets / "setups").iterdir())


def more_of(package: ModelInputPackage, place: int) -> ModelInputPackage:
    """The package with what only some have: trades, a book, the features of a network."""
    ts_ms = package.timestamp
    book = np.zeros((2, 15, 2))
    book[0, 0], book[1, 0] = (99.0, 1.0 + place), (100.0, 1.0)
    made = {
        "ticks": np.array([[ts_ms - 5.0, 100.0, 1.0 + place, 1.0]] * (place + 1)) if place % 3 == 1 else None,
        "order_book": book if place % 2 else None,
        "cnn_features": np.array([0.1, 0.2 * place]) if place % 4 == 2 else None,
    }
    names = ("timestamp", "symbol", "timeframe_ms", "ohlcv", "indicators", "pivots", "rl_state", "context")
    return ModelInputPackage(**{name: getattr(package, name) for name in names}, **made)


def add_singles(collector: TrainingDataCollector, first: int, count: int) -> None:
    for place in range(count):
        assert collector.add(more_of(package_at(COLUMNS, first + 2 * place), place)).added


def test_packs_of_one_setup_are_put_together_and_every_package_is_what_it_was(
    workspace: Workspace, connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    add_singles(collector, 200, 7)
    assert join_live_packs(workspace, connection, "BTC/USDT", MINUTES_5) == 0, "there are not many yet"
    add_singles(collector, 220, 1)
    before = stored(connection)
    sizes = sum(file.bytes for file in packs(connection))
    assert join_live_packs(workspace, connection, "BTC/USDT", MINUTES_5) == 8
    after = stored(connection)
    assert [replace(row, pack_id=0, pack_row=0) for row in after] == [
        replace(row, pack_id=0, pack_row=0) for row in before
    ]
    (pack_id,) = {row.pack_id for row in after}
    joined = next(file for file in packs(connection) if file.id == pack_id)
    assert (joined.rows, joined.bytes < sizes / 2) == (8, True), "shared bars are kept once"
    assert [each.sha256 for each in packages_of(workspace, connection, after)] == [
        row.sha256 for row in after
    ]
    # Who has read where the setups lay just before can still read them there.
    assert [each.sha256 for each in packages_of(workspace, connection, before)] == [
        row.sha256 for row in after
    ]


def test_what_was_put_together_goes_when_the_next_ones_are(
    workspace: Workspace, connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    for first in (200, 240, 280):
        add_singles(collector, first, 8)
        assert join_live_packs(workspace, connection, "BTC/USDT", MINUTES_5) == 8
    assert len(packs(connection)) == len(files_of(workspace)) == 3 + 8
    rows = stored(connection)
    assert [each.sha256 for each in packages_of(workspace, connection, rows)] == [row.sha256 for row in rows]


def test_a_candle_that_was_corrected_in_between_spoils_no_window(
    workspace: Workspace, connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    add_singles(collector, 200, 4)
    volume = WALK.volume.copy()
    volume[195] *= 2.0
    corrected = series_columns(replace(WALK, volume=volume), Settings().rapid)
    for place in range(4):
        assert collector.add(package_at(corrected, 209 + 2 * place)).added
    assert join_live_packs(workspace, connection, "BTC/USDT", MINUTES_5) == 8
    rows = stored(connection)
    assert [each.sha256 for each in packages_of(workspace, connection, rows)] == [row.sha256 for row in rows]


def test_nothing_is_put_together_with_a_damaged_pack(
    workspace: Workspace, connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    add_singles(collector, 200, 8)
    before = (stored(connection), packs(connection))
    harm(workspace, before[1][3].path)
    with pytest.raises(PackDamaged):
        join_live_packs(workspace, connection, "BTC/USDT", MINUTES_5)
    assert (stored(connection), packs(connection)) == before


def harm(workspace: Workspace, path: str) -> None:
    content = bytearray((workspace.root / path).read_bytes())
    content[-3] ^= 1
    (workspace.root / path).write_bytes(content)


def test_collecting_all_of_it_again_makes_a_damaged_pack_again(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    collect_history(workspace, connection, WALK, Settings())
    rows, (file,) = stored(connection), packs(connection)
    for damage in ("changed", "gone"):
        harm(workspace, file.path) if damage == "changed" else (workspace.root / file.path).unlink()
        with pytest.raises(PackDamaged, match="collect --whole"):
            read_pack(workspace, file)
        report = collect_history(workspace, connection, WALK, Settings())
        assert (report.mended, report.lost, report.collected) == (1, [], 0)
        assert len(packages_of(workspace, connection, rows)) == len(rows)
        assert stored(connection) == rows and packs(connection) == [file]


def test_a_pack_is_not_made_again_of_other_candles(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    collect_history(workspace, connection, WALK, Settings())
    (file,) = packs(connection)
    harm(workspace, file.path)
    volume = WALK.volume.copy()
    volume[300] *= 2.0
    report = collect_history(workspace, connection, replace(WALK, volume=volume), Settings())
    assert (report.mended, report.lost) == (0, [file.path])
    report = collect_history(workspace, connection, truncate(WALK, 300), Settings())
    assert (report.mended, report.lost) == (0, [file.path])


def test_windows_of_a_joined_pack_are_those_of_the_series(
    workspace: Workspace, connection: sqlite3.Connection, collector: TrainingDataCollector
) -> None:
    add_singles(collector, 200, 8)
    join_live_packs(workspace, connection, "BTC/USDT", MINUTES_5)
    row = stored(connection)[0]
    file = next(each for each in packs(connection) if each.id == row.pack_id)
    pack = read_pack(workspace, file)
    assert len(pack.arrays["bars"]) == WINDOW_BARS + 14
    np.testing.assert_array_equal(
        pack.windows(np.arange(8))[:, :, 4], [WALK.close[bar - 47 : bar + 1] for bar in range(200, 216, 2)]
    )
