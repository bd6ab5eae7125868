"""The example script of the feed agent's training guide, with only the import prefix changed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.learning_layer import ResearchEngine, TrainingModule, RetrainingLoop

db = DBConnector()
research = ResearchEngine(db)
training = TrainingModule(db)
retraining = RetrainingLoop(training, db)

# Simulate data
db.store({"symbol": "BTCUSDT", "price": 50000.0, "volume": 10.0, "timestamp": 1234567890.0})

# Analyze and train
analysis = research.analyze_feed_behavior()
dataset = training.prepare_dataset()
training.train_model(dataset)
"""

CHECKS = """
import json, sys
(found,) = db.backfill("crypto_price:*")
heavy = sorted({"torch", "sklearn", "lightgbm"} & {name.partition(".")[0] for name in sys.modules})
print(json.dumps([found, sorted(analysis["symbols"]), dataset, training.train_model(dataset), heavy]))
"""


def run(script: str, folder: Path) -> str:
    environment = {**os.environ, "COINTRADER_WORKSPACE": str(folder / "workspace")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_script_runs_and_leaves_its_record_typed(tmp_path: Path) -> None:
    found, symbols, dataset, answer, heavy = json.loads(run(SCRIPT + CHECKS, tmp_path))
    assert found == {
        "symbol": "BTCUSDT",
        "price": 50000.0,
        "volume": 10.0,
        "timestamp": 1234567890.0,
        "type": "crypto_price",
    }
    assert symbols == ["BTCUSDT"]
    (row,) = dataset
    assert (row["symbol"], row["type"], row["timestamp"]) == ("BTCUSDT", "crypto_price", 1234567890.0)
    assert row["features"]["price"] == 50000.0 and row["features"]["sentiment"] is None
    assert (answer["dataset_size"], answer["updated"], answer["accuracy"]) == (1, False, None)
    assert answer["reason"] == (
        "only 0 signals with a known outcome, and at least 500 are needed; 1 record was given"
    )
    assert heavy == []


@pytest.mark.shared_data
def test_the_script_is_that_of_the_guide(shared_data: Path) -> None:
    guides = list((shared_data.parent / "sources").glob("001_*.txt"))
    if not guides:
        pytest.skip("the guide does not lie beside this checkout")
    guide = guides[0].read_text()
    script = guide[guide.index("from data_feeds.cache") :].strip()
    assert script.replace("from data_feeds.", "from cointrader.data_feeds.") == SCRIPT.strip()
