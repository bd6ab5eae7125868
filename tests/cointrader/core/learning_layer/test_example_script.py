"""The example script of the Core Agent's training guide, with only the import prefix changed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.workspace import Workspace

SCRIPT = """
from cointrader.core.memory.recent_context import RecentContext
from cointrader.core.learning_layer import ResearchEngine, TrainingModule, RetrainingLoop

context = RecentContext()
research = ResearchEngine(context)
training = TrainingModule(context)
retraining = RetrainingLoop(training, context)

# Store signals for analysis
context.store_signal({"signal_id": "signal1", "strategy": "momentum", "params": {"amount": 0.1}, "timestamp": 1234567890.0})

# Analyze behavior
analysis = research.analyze_behavior()

# Train model
dataset = training.prepare_dataset()
training.train_model(dataset)
"""  # noqa: E501

CHECKS = """
import json, sys
heavy = sorted({"torch", "sklearn", "lightgbm"} & {name.partition(".")[0] for name in sys.modules})
print(json.dumps([analysis, dataset[0], training.train_model(dataset), heavy, retraining.interval]))
"""


def run(workspace: Path, folder: Path) -> Any:
    environment = {**os.environ, "COINTRADER_WORKSPACE": str(workspace)}
    command = [sys.executable, "-P", "-c", SCRIPT + CHECKS]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_on_an_empty_workspace_the_answer_is_the_reason_why_nothing_was_learned(tmp_path: Path) -> None:
    analysis, row, answer, heavy, interval = run(tmp_path / "workspace", tmp_path)
    assert (analysis["total_signals"], analysis["total_rejections"]) == (1, 0)
    assert analysis["signal_summary"] == {"momentum": 1} and analysis["rejection_summary"] == {}
    assert row["signal"]["signal_id"] == "signal1" and row["signal"]["timestamp"] == 1234567890.0
    assert (row["rejected"], row["rejection_reason"], row["pnl"]) == (False, None, {})
    assert (answer["dataset_size"], answer["accuracy"], answer["updated"]) == (1, None, False)
    assert answer["reason"] == (
        "only 0 signals with a closed position, and at least 200 are needed; 1 signal was given"
    )
    assert heavy == [] and interval == 3600


def test_on_a_bootstrapped_workspace_the_same_call_stores_a_version(
    workspace_copy: Workspace, tmp_path: Path
) -> None:
    analysis, row, answer, heavy, _ = run(workspace_copy.root, tmp_path)
    assert analysis["total_signals"] == 1 and row["signal"]["signal_id"] == "signal1"
    assert sum(each["signals"] for each in analysis["runs"]["by_hour"].values()) > 5_000
    assert answer["updated"] is True, answer
    # The script trained once before the call whose answer this is.
    assert (answer["version"], answer["metric"]) == (2, "roc_auc")
    assert answer["dataset_size"] > answer["rows_used"] > 2_000 and 0.4 < answer["accuracy"] < 1.0
    assert 0.4 < answer["value"] < 0.6 and answer["reason"]
    assert heavy == []


@pytest.mark.shared_data
def test_the_script_is_that_of_the_guide(shared_data: Path) -> None:
    guides = list((shared_data.parent / "sources").glob("000_*.txt"))
    if not guides:
        pytest.skip("the guide does not lie beside this checkout")
    guide = guides[0].read_text()
    script = guide[guide.index("from core.memory") :].strip()
    assert script.replace("from core.", "from cointrader.core.") == SCRIPT.strip()
