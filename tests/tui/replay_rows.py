"""Test rows for the screens of replays and steps: setups, journals, steps and replays, as SQL writes them.

Nothing here was collected or trained: numbers follow from the row's place, so that a test can foretell them.
"""

from __future__ import annotations

import json
import math
import sqlite3
import struct
from collections.abc import Sequence

from storage.database import transaction
from storage.insert import insert_row, insert_rows
from storage.metrics import write_metrics
from storage.revision import next_rev
from storage.sessions import update_session
from tests.tui.training_rows import FIRST_MS, add_session

BAR_MS = 300_000
LAYERS = ("conv1", "conv2", "conv3", "head")
BATCH = 64
FILE_STEPS = 100

_SETUP = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :count)
INSERT INTO setup (ts_ms, symbol, timeframe_ms, origin, side, taken, price, completeness, flags, rapid,
    velocity, spike, extreme, sha256, md5, pack_id, pack_row, provenance, state, net_return, score,
    is_profitable, optimal_action, priority, value, training_count, collected_ms, rev)
SELECT :first + n * :bar, CASE n % 2 WHEN 0 THEN 'BTC/USDT' ELSE 'ETH/USDT' END, :bar,
    CASE n % 4 WHEN 0 THEN 'signal' WHEN 1 THEN 'extreme' WHEN 2 THEN 'rapid' ELSE 'interval' END,
    CASE n % 3 WHEN 0 THEN 'short' ELSE 'long' END, 2, 50000.0 + n % 1000, 0.8, 927, n % 4 = 2,
    0.1, 1.5, 0, printf('%064x', n), printf('%032x', n), :pack, n - 1, 'backtest',
    CASE WHEN n > :validated THEN 'waiting' ELSE 'validated' END,
    CASE WHEN n > :validated THEN NULL ELSE (n % 201 - 100) * 0.0001 END,
    CASE WHEN n > :validated THEN NULL ELSE (n % 201) / 201.0 END,
    CASE WHEN n > :validated THEN NULL ELSE n % 201 > 100 END,
    CASE WHEN n > :validated THEN NULL ELSE n % 3 END,
    CASE WHEN n > :validated THEN 0.001 ELSE 0.001 + (n * 7919 % 100003) / 100003.0 END,
    0.3, 0, :first, :rev FROM number
"""


def score_of(number: int) -> float:
    """The score of the setup of that number."""
    return number % 201 / 201.0


def priority_of(number: int) -> float:
    """The priority of the setup of that number."""
    return 0.001 + (number * 7919 % 100_003) / 100_003.0


def add_setups(connection: sqlite3.Connection, count: int = 400, *, waiting: int = 0) -> None:
    """Setups numbered from 1; the last `waiting` have no outcome yet. No file stands behind the pack."""
    with transaction(connection):
        pack = insert_row(
            connection,
            "setup_pack",
            ("path", "sha256", "bytes", "rows", "layout", "created_ms"),
            ("datasets/setups/test-rows.safetensors", "0" * 64, 1_000, count, "test rows", FIRST_MS),
        )
        values = {
            "count": count,
            "validated": count - waiting,
            "first": FIRST_MS,
            "bar": BAR_MS,
            "pack": pack,
            "rev": next_rev(connection),
        }
        connection.execute(_SETUP, values)


def add_outcome(connection: sqlite3.Connection, setup_id: int) -> None:
    """An outcome and the three experiences of a setup."""
    with transaction(connection):
        insert_row(
            connection,
            "outcome",
            (
                *("setup_id", "horizon_ms", "cost_bps", "entry_price", "exit_price", "gross_return"),
                *("net_return", "return_1m", "return_5m", "return_15m", "mae", "mfe", "score"),
                *("optimal_action", "is_profitable", "regret", "novelty", "value", "validated_ms"),
            ),
            (
                *(setup_id, 900_000, 20.0, 50_000.0, 50_312.0, 0.0062),
                *(0.0042, None, 0.0011, 0.0062, -0.0008, 0.0071, 0.7),
                *(0, 1, 0.0042, 0.25, 0.61, FIRST_MS),
            ),
        )
        rows = [
            (setup_id, "setup", FIRST_MS, FIRST_MS + 900_000, "BTC/USDT", action, reward, 1, 0, 1, 0.5, 0.6)
            for action, reward in enumerate((0.42, -0.82, 0.0))
        ]
        insert_rows(
            connection,
            "experience",
            (
                *("setup_id", "source", "ts_ms", "ends_ms", "symbol", "action", "reward", "terminated"),
                *("truncated", "is_profitable", "priority", "value", "provenance", "created_ms", "rev"),
            ),
            [(*row, "backtest", FIRST_MS, next_rev(connection)) for row in rows],
        )


def loss_of(step: int) -> float:
    """The loss of a step of a journalled session."""
    return 0.4 + 1.2 * math.exp(-step / 120.0) + 0.02 * math.sin(step)


def digest_of(step: int) -> str:
    """The digest of the weights after a step."""
    return f"{step:064x}"


def add_journalled_session(
    connection: sqlite3.Connection,
    *,
    agent: str = "cnn",
    steps: int = 400,
    mode: str = "full",
    pruned_below: int = 0,
    digest_from: int | None = None,
    layers: Sequence[str] = LAYERS,
) -> int:
    """A session whose steps are kept: a file every 100 steps; returns its id."""
    session_id, _ = add_session(connection, agent=agent, steps=0, total_steps=steps, job=False)
    write_metrics(
        connection, session_id, 1, [(step, "losses/total", loss_of(step)) for step in range(1, steps + 1)]
    )
    update_session(connection, session_id, step=steps, state="succeeded", metric="pivot_auc", value=0.534)
    update_session(connection, session_id, baseline=0.5, ended_ms=FIRST_MS)
    with transaction(connection):
        _journal(connection, session_id, mode, steps, digest_from, layers)
        files = _files(connection, session_id, steps, pruned_below) if mode == "full" else {}
        rows = [_step(session_id, step, files, digest_from, layers) for step in range(1, steps + 1)]
        insert_rows(connection, "step", _STEP, rows)
    return session_id


def _journal(
    connection: sqlite3.Connection,
    session_id: int,
    mode: str,
    steps: int,
    digest_from: int | None,
    layers: Sequence[str],
) -> None:
    tensors = [
        {"name": f"{layer}.weight", "shape": [8, 8], "dtype": "float32", "kind": "parameter", "layer": layer}
        for layer in layers
    ]
    columns = (
        *("session_id", "mode", "state", "layout_json", "optimiser", "optimiser_json", "torch_version"),
        *("capability", "onednn_isa", "threads", "parameters", "budget_bytes", "bytes", "last_step"),
        *("digest_from_step", "training_value", "note", "rev"),
    )
    size = 3_200_000 if mode == "full" else 0
    values = (
        *(session_id, mode, "whole", json.dumps({"tensors": tensors}), "AdamW", "{}", "2.9.0"),
        *("AVX2", "AVX2", 1, 64 * len(layers), 1_000_000_000, size, steps),
        *(digest_from, 0.0021, "", next_rev(connection)),
    )
    insert_row(connection, "journal", columns, values)


def _files(connection: sqlite3.Connection, session_id: int, steps: int, pruned_below: int) -> dict[int, int]:
    columns = (
        *("session_id", "kind", "attempt", "first_step", "last_step", "path", "sha256", "bytes"),
        *("raw_bytes", "state", "created_ms"),
    )
    files = {}
    for first in range(1, steps + 1, FILE_STEPS):
        last = min(first + FILE_STEPS - 1, steps)
        path = f"backprop/{session_id}/{first:08d}-{last:08d}.safetensors"
        state = "pruned" if last < pruned_below else "kept"
        values = (session_id, "shard", 1, first, last, path, "0" * 64, 800_000, 900_000, state, FIRST_MS)
        files[first] = insert_row(connection, "journal_file", columns, values)
    return files


_STEP = (
    *("session_id", "step", "attempt", "file_id", "file_row", "learning_rate", "loss", "losses_json"),
    *("gradient_norm", "norms", "batch", "priority", "value", "synced", "weights_sha256"),
    *("gradient_sha256", "ts_ms"),
)


def _step(
    session_id: int, step: int, files: dict[int, int], digest_from: int | None, layers: Sequence[str]
) -> tuple[object, ...]:
    first = (step - 1) // FILE_STEPS * FILE_STEPS + 1
    whole = first in files and (digest_from is None or step < digest_from)
    norms = [0.1 * (place + 1) + 0.001 * (step % 7) for place in range(len(layers))]
    loss = loss_of(step)
    parts = {
        "losses/total": loss,
        "losses/classification": loss * 0.7,
        "losses/regression": loss * 0.2,
        "losses/confidence": loss * 0.1,
    }
    return (
        *(session_id, step, 1, files[first] if whole else None, step - first if whole else None),
        *(1e-3 * (1 - step / 10_000), loss, json.dumps(parts)),
        *(math.hypot(*norms), struct.pack(f"<{len(norms)}f", *norms)),
        struct.pack(f"<{BATCH}i", *(step * 100 + place for place in range(BATCH))),
        *(0.4, 0.0012, int(step % 50 == 0), digest_of(step), f"{step + 2**200:064x}", FIRST_MS + step * 20),
    )


def add_replay(
    connection: sqlite3.Connection,
    *,
    kind: str = "profitable",
    agent: str = "cnn",
    state: str = "succeeded",
    sessions: tuple[int | None, int | None] = (None, None),
    value: float | None = 0.538,
    words: str = "no better than its control out of sample (+0.004, within 3 standard errors)",
) -> int:
    """A replay beside its control; returns its id."""
    ended = state != "running"
    columns = (
        *("job_id", "kind", "agent", "state", "selection_json", "session_id", "control_session_id"),
        *("metric", "value", "control_value", "baseline", "standard_error", "words", "result_json"),
        *("started_ms", "ended_ms", "rev"),
    )
    selection = {"kind": kind, "top": 500, "min_profitability": 0.7, "filter": "symbol:btc"}
    with transaction(connection):
        values = (
            *(None, kind, agent, state, json.dumps(selection), *sessions),
            *("pivot_auc", value if ended else None, 0.534 if ended else None, 0.5, 0.0031),
            *(words if ended else "", json.dumps({"rows drawn": 25_600}) if ended else "{}"),
            *(FIRST_MS, FIRST_MS + 60_000 if ended else None, next_rev(connection)),
        )
        return insert_row(connection, "replay", columns, values)
