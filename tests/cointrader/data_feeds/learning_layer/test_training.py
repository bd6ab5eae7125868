"""Datasets of what was known, and a training that is real: in a child, on the imported sample."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.front_door import FrontDoor
from cointrader.data_feeds.learning_layer import RetrainingLoop, TrainingModule
from cointrader.data_feeds.sample import sample_files
from storage.vault import load_artifact
from storage.workspace import Workspace

FEATURES = {"price", "volume", "sentiment", "slippage", "spread", "liquidity", "signal_strength"}


@pytest.fixture
def db(workspace: Workspace) -> Iterator[DBConnector]:
    with DBConnector(workspace=workspace) as opened:
        yield opened


def test_a_row_has_every_feature_as_it_was_known_then(db: DBConnector) -> None:
    at = 1.5e9
    for data in (
        {"keyword": "market", "sentiment": 0.5, "title": "t", "timestamp": at},
        {"symbol": "BTCUSDT", "spread": 0.1, "liquidity": 7.0, "timestamp": at + 1},
        {"symbol": "BTC/USDT", "slippage": 0.001, "timestamp": at + 2},
        {"symbol": "ETHUSDT", "spread": 9.0, "liquidity": 9.0, "timestamp": at + 3},
        {"symbol": "BTCUSDT", "price": 100.0, "volume": 2.0, "timestamp": at + 4},
        {"symbol": "BTCUSDT", "price": 101.0, "volume": 3.0, "timestamp": at + 1_000},
    ):
        db.store(data)
    rows = TrainingModule(db).prepare_dataset("crypto_price:*")
    assert [row["timestamp"] for row in rows] == [at + 4, at + 1_000]
    assert all(set(row) == {"symbol", "type", "timestamp", "features"} for row in rows)
    assert rows[0]["features"] == {
        "price": 100.0,
        "volume": 2.0,
        "sentiment": 0.5,
        "slippage": 0.001,
        "spread": 0.1,
        "liquidity": 7.0,
        "signal_strength": None,
    }
    # After a quarter of an hour the book is no longer known; the sentiment of the day is.
    assert rows[1]["features"]["spread"] is None and rows[1]["features"]["sentiment"] == 0.5


def test_rows_are_those_of_the_pattern(db: DBConnector) -> None:
    db.store({"symbol": "BTCUSDT", "price": 100.0, "volume": 2.0, "timestamp": 1.5e9})
    db.store({"symbol": "ETHUSDT", "price": 100.0, "volume": 2.0, "timestamp": 1.5e9 + 1})
    module = TrainingModule(db)
    assert [row["symbol"] for row in module.prepare_dataset("data_feed:*:ETHUSDT:*")] == ["ETHUSDT"]
    assert [row["symbol"] for row in module.prepare_dataset("crypto_price:BTC/USDT")] == ["BTCUSDT"]
    assert module.prepare_dataset("order_book:*") == []
    assert len(module.prepare_dataset()) == 2


def test_a_parameter_out_of_range_is_an_error_and_nothing_is_queued(
    db: DBConnector, connection: sqlite3.Connection
) -> None:
    answer = TrainingModule(db).train_model([], {"folds": 99})
    assert not answer["updated"] and "folds: 99 refused" in answer["error"]
    assert connection.execute("SELECT count(*) FROM job").fetchone() == (0,)


def test_every_training_that_was_asked_for_is_an_event(
    db: DBConnector, connection: sqlite3.Connection
) -> None:
    db.store({"symbol": "BTCUSDT", "price": 100.0, "volume": 2.0, "timestamp": 1.5e9})
    module = TrainingModule(db)
    answer = module.train_model(module.prepare_dataset())
    assert answer["reason"].endswith("1 record was given") and "error" not in answer
    rows = connection.execute("SELECT severity, text FROM event WHERE kind = 'training'").fetchall()
    assert rows == [("warning", f"training of signal_quality on 1 records was refused: {answer['reason']}")]


def test_the_loop_trains_again_only_when_there_is_something_new(db: DBConnector) -> None:
    class Counted(TrainingModule):
        trained = 0

        def train_model(self, dataset: Any, params: Any = None, *, seed: int = 0) -> dict[str, Any]:
            self.trained += 1
            return {"dataset_size": len(dataset), "updated": True, "accuracy": 0.5, "reason": ""}

    module = Counted(db)
    loop = RetrainingLoop(module, db, interval=0.001)
    db.store({"symbol": "BTCUSDT", "price": 100.0, "volume": 2.0, "timestamp": 1.5e9})
    asyncio.run(loop.run_retraining(rounds=3))
    assert module.trained == 1 and loop.last is not None and loop.last["dataset_size"] == 1
    assert "nothing new" in loop.retrain()["reason"]
    db.store({"symbol": "BTCUSDT", "price": 100.0, "volume": 2.0, "timestamp": 1.5e9 + 1})
    loop.retrain()
    assert module.trained == 2


async def test_the_loop_ends_when_it_is_told_to(db: DBConnector) -> None:
    loop = RetrainingLoop(TrainingModule(db), db, interval=3600.0)
    task = asyncio.create_task(loop.run_retraining())
    while loop.last is None:
        await asyncio.sleep(0.01)
    loop.stop()
    await asyncio.wait_for(task, 60.0)
    with pytest.raises(ValueError, match="interval"):
        RetrainingLoop(TrainingModule(db), db, interval=0.0)


@pytest.mark.slow
def test_the_imported_sample_trains_a_version(workspace: Workspace, connection: sqlite3.Connection) -> None:
    list(FrontDoor(workspace, connection).take([sample_files()[0]]))
    with DBConnector(workspace=workspace) as db:
        module = TrainingModule(db)
        dataset = module.prepare_dataset("trading_signal:*")
        assert len(dataset) > 3_000 and set(dataset[0]["features"]) == FEATURES
        assert dataset[0]["signal_type"] in ("buy", "sell")
        answer = module.train_model(dataset, {"folds": 2, "rounds": 30})
    assert answer["updated"] is True, answer
    assert answer["dataset_size"] == len(dataset) and 0.9 * len(dataset) < answer["rows_used"] < len(dataset)
    assert 0.4 < answer["accuracy"] < 0.8 and answer["baseline"] == 0.5
    stored = load_artifact(workspace, connection, "signal_quality", answer["version"])
    assert set(stored.files) >= {"model.json", "trees.txt"} and stored.row.metric == "roc_auc"
    rows = connection.execute(
        "SELECT dataset.rows, session.state FROM session JOIN dataset ON dataset.id = dataset_id"
    ).fetchall()
    assert rows == [(answer["rows_used"], "succeeded")]


def test_half_the_rows_train_on_half_the_signals(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    from models.signal_quality import agent
    from models.signal_quality.params import SignalQualityParams

    list(FrontDoor(workspace, connection).take([sample_files()[0]]))
    with DBConnector(workspace=workspace) as db:
        module = TrainingModule(db)
        rows = module.prepare_dataset("trading_signal:BTC/USDT")
        half = module._dataset(connection, rows[: len(rows) // 2], {})
        whole = module._dataset(connection, rows, {})
    assert abs(2 * half.rows - whole.rows) < 0.02 * whole.rows
    assert half.t1_ms.max() < whole.t1_ms.max()
    assert agent.LEAST_ROWS == 500 and SignalQualityParams().folds == 5


def test_the_caller_loads_no_learning_library(workspace: Workspace) -> None:
    # In this process other tests may have; the example script proves it in a fresh one.
    import subprocess

    code = (
        "from cointrader.data_feeds.learning_layer import TrainingModule, ResearchEngine, RetrainingLoop\n"
        "import sys; heavy = {'torch', 'sklearn', 'lightgbm'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
