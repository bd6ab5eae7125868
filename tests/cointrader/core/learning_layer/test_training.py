"""Rows of what was told and stored, and a training that is real: in a child, on what programs told."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cointrader.core.learning_layer.retraining import RetrainingLoop
from cointrader.core.learning_layer.rows import told_closes
from cointrader.core.learning_layer.training import TrainingModule
from cointrader.core.memory.recent_context import RecentContext
from storage.database import transaction
from storage.vault import load_artifact
from storage.workspace import Workspace
from tests.cointrader.training.test_closed_source import add_close, add_run

AT = 1_700_000_000.0


@pytest.fixture
def context(workspace: Workspace) -> Iterator[RecentContext]:
    opened = RecentContext(max_history=1_000, workspace=workspace)
    yield opened
    opened.close()


def tell(context: RecentContext, key: str, at: float, pnl: float | None = None, **params: Any) -> None:
    signal = {"signal_id": key, "strategy": "momentum", "params": params, "timestamp": at}
    context.store_signal(signal)
    if pnl is not None:
        context.store_pnl_snapshot({"signal_id": key, "pnl": pnl, "timestamp": at + 600.0})


def test_a_row_joins_signal_rejection_and_profit(context: RecentContext) -> None:
    tell(context, "a", AT, 3.0)
    tell(context, "b", AT + 1)
    context.store_rejection("b", "Exposure limit exceeded")
    first, second = TrainingModule(context).prepare_dataset()
    assert first["pnl"]["pnl"] == 3.0 and not first["rejected"]
    assert (second["rejected"], second["rejection_reason"]) == (True, "Exposure limit exceeded")
    assert second["pnl"] == {} and set(second) == {"signal", "rejected", "rejection_reason", "pnl"}


def test_signals_of_runs_follow_with_what_they_brought(
    context: RecentContext, connection: sqlite3.Connection
) -> None:
    tell(context, "a", AT)
    with transaction(connection):
        run, core = add_run(connection), add_run(connection, kind="core")
        stored = add_close(connection, run, 1_000, 5_000, -2.0)
        add_close(connection, run, 6_000, 0, 0.0, state="open")
        add_close(connection, core, 7_000, 8_000, 1.0)
    rows = TrainingModule(context).prepare_dataset()
    # Those of the core's own run were told to the context already.
    assert [row["signal"]["timestamp"] for row in rows] == [AT, 1.0, 6.0]
    assert rows[1]["signal"]["signal_id"] == f"stored:{stored}"
    assert rows[1]["pnl"] == {
        "signal_id": f"stored:{stored}",
        "pnl": -2.0,
        "net_return": -0.002,
        "timestamp": 5.0,
    }
    assert rows[2]["pnl"] == {}
    assert len(TrainingModule(context, newest=1).prepare_dataset()) == 2


def test_only_what_was_traded_and_is_known_is_learned_from(context: RecentContext) -> None:
    tell(context, "paid", AT + 9, 5.0, amount=0.1, price=500.0, side="buy", base="btc", quote="usdt")
    tell(context, "lost", AT, -5.0)
    tell(context, "odd", AT, float("nan"))
    tell(context, "open", AT)
    tell(context, "refused", AT, 5.0)
    context.store_rejection("refused", "cooldown")
    context.store_signal({"signal_id": "timeless", "strategy": "momentum"})
    context.store_pnl_snapshot({"signal_id": "timeless", "pnl": 1.0, "timestamp": AT})
    tell(context, "early", AT + 5_000)
    context.store_pnl_snapshot({"signal_id": "early", "pnl": 1.0, "timestamp": AT})
    closed = told_closes(TrainingModule(context).prepare_dataset())
    assert closed.pays.tolist() == [False, True] and closed.asked.side.tolist() == [0, 1]
    assert closed.asked.symbol == ("", "BTC/USDT")
    assert closed.net_return[1] == pytest.approx(0.1) and np.isnan(closed.net_return[0])
    assert (closed.ends_ms - closed.asked.ts_ms).tolist() == [600_000, 600_000]


def test_what_programs_told_trains_a_version(context: RecentContext, connection: sqlite3.Connection) -> None:
    draw = np.random.default_rng(0)
    for number in range(260):
        buys = bool(draw.integers(0, 2))
        pays = draw.uniform() < (0.9 if buys else 0.1)
        side = "buy" if buys else "sell"
        tell(context, f"s{number}", AT + 900.0 * number, 1.0 if pays else -1.0, side=side)
    module = TrainingModule(context)
    answer = module.train_model(module.prepare_dataset(), {"folds": 3})
    assert answer["updated"] is True, answer
    assert (answer["dataset_size"], answer["rows_used"]) == (260, 260)
    assert answer["accuracy"] > 0.8 and answer["value"] > 0.8 and answer["baseline"] == 0.5
    stored = load_artifact(context.workspace, connection, "decision", answer["version"])
    assert "weights.npy" in stored.files and stored.row.provenance == "import"
    assert stored.row.status == "champion" == answer["status"]
    actions = connection.execute(
        "SELECT action, severity FROM core_event ORDER BY id DESC LIMIT 2"
    ).fetchall()
    assert actions == [("train_model", "info"), ("prepare_dataset", "info")]


def test_a_refused_training_says_why_as_event_and_action(
    context: RecentContext, connection: sqlite3.Connection
) -> None:
    tell(context, "a", AT, 1.0)
    module = TrainingModule(context)
    answer = module.train_model(module.prepare_dataset())
    assert answer["reason"].startswith("only 1 signals with a closed position, and at least 200 are needed")
    assert (answer["updated"], answer["accuracy"], answer["dataset_size"]) == (False, None, 1)
    assert "error" not in answer
    text = f"training of decision on 1 signals was refused: {answer['reason']}"
    rows = connection.execute("SELECT severity, text FROM event WHERE kind = 'training'").fetchall()
    assert rows == [("warning", text)]
    assert connection.execute("SELECT count(*) FROM job").fetchone() == (0,)


def test_a_parameter_out_of_range_and_rows_of_another_shape_train_nothing(context: RecentContext) -> None:
    module = TrainingModule(context)
    answer = module.train_model([], {"folds": 99})
    assert not answer["updated"] and "folds: 99 refused" in answer["error"]
    answer = module.train_model([{"signal": "momentum"}, {"pnl": {"pnl": 1.0}}, {}])
    assert not answer["updated"] and answer["reason"].endswith("3 signals were given")


def test_the_loop_trains_again_only_when_there_is_something_new(
    context: RecentContext, connection: sqlite3.Connection
) -> None:
    class Counted(TrainingModule):
        trained = 0

        def train_model(self, dataset: Any, params: Any = None, *, seed: int = 0) -> dict[str, Any]:
            self.trained += 1
            return super().train_model(dataset, params, seed=seed)

    module = Counted(context)
    loop = RetrainingLoop(module, context, interval=0.001)
    tell(context, "a", AT)
    asyncio.run(loop.run_retraining(rounds=3))
    assert module.trained == 1 and loop.last is not None and loop.last["dataset_size"] == 1
    context.store_pnl_snapshot({"signal_id": "a", "pnl": 1.0, "timestamp": AT})
    loop.retrain()
    assert module.trained == 2 and "nothing new" in loop.retrain()["reason"]
    count = "SELECT count(*) FROM core_event WHERE action = 'retrain'"
    assert connection.execute(count).fetchone() == (5,)


async def test_the_loop_ends_when_it_is_told_to(context: RecentContext) -> None:
    loop = RetrainingLoop(TrainingModule(context), context)
    assert loop.interval == 3600
    task = asyncio.create_task(loop.run_retraining())
    while loop.last is None:
        await asyncio.sleep(0.01)
    loop.stop()
    await asyncio.wait_for(task, 60.0)
    with pytest.raises(ValueError, match="interval"):
        RetrainingLoop(TrainingModule(context), context, interval=0.0)


def test_the_caller_loads_no_learning_library() -> None:
    code = (
        "from cointrader.core.learning_layer import TrainingModule, ResearchEngine, RetrainingLoop\n"
        "import sys; heavy = {'torch', 'sklearn', 'lightgbm'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
