"""Rows for the screens of training, written through storage as the jobs write them."""

from __future__ import annotations

import math
import random
import sqlite3

from storage import jobs
from storage.clock import now_ms
from storage.database import transaction
from storage.events import record_event
from storage.insert import insert_rows
from storage.metrics import write_metrics
from storage.revision import next_rev
from storage.sessions import create_session, update_session

DAY_MS = 86_400_000
FIRST_MS = 1_704_067_200_000  # 2024-01-01
RUN_METRICS = (
    '{"total_return": 0.0412, "max_drawdown": 0.031, "sharpe": 1.21, "sortino": 1.9, "profit_factor": 1.14, '
    '"fees": 812.4, "trades": 200, "win_rate": 0.53}'
)


def add_run(connection: sqlite3.Connection, *, points: int = 366, positions: int = 200) -> int:
    """A backtest with an equity curve and closed positions, one a day."""
    generator = random.Random(7)
    with transaction(connection):
        rev = next_rev(connection)
        insert_rows(
            connection,
            "trading_run",
            (
                *("kind", "provenance", "state", "strategies", "symbols", "settings_json", "metrics_json"),
                *("first_ms", "last_ms", "bars", "signals", "rejections", "positions", "start_equity"),
                *("end_equity", "started_ms", "ended_ms", "code_version", "rev"),
            ),
            [
                (
                    *("backtest", "backtest", "succeeded", "momentum, mean_bot", "BTC/USDT, ETH/USDT", "{}"),
                    *(RUN_METRICS, FIRST_MS, FIRST_MS + points * DAY_MS, 210_816, 400, 200, positions),
                    *(10_000.0, 10_412.0, now_ms() - 60_000, now_ms() - 50_000, "0.1.0", rev),
                )
            ],
        )
        run_id = connection.execute("SELECT max(id) FROM trading_run").fetchall()[0][0]
        equity, rows = 10_000.0, []
        for day in range(points):
            equity *= 1.0 + generator.gauss(0.0002, 0.004)
            rows.append((run_id, FIRST_MS + day * DAY_MS, equity, 0.1))
        insert_rows(connection, "equity_point", ("run_id", "ts_ms", "equity", "exposure"), rows)
        insert_rows(
            connection,
            "position",
            (
                *("run_id", "symbol", "strategy", "side", "state", "origin", "provenance", "opened_ms"),
                *("closed_ms", "qty", "entry_price", "notional", "equity_at_entry", "pnl", "fees", "reward"),
                *("contributions", "rev"),
            ),
            [
                (
                    *(run_id, "BTC/USDT", "momentum", "long", "closed", "signal", "backtest"),
                    *(FIRST_MS + day * DAY_MS, FIRST_MS + day * DAY_MS + 3_600_000, 0.01, 56_000.0, 560.0),
                    *(10_000.0, generator.gauss(0.5, 5.0), 1.1, generator.gauss(0.02, 0.2), "{}", rev),
                )
                for day in range(positions)
            ],
        )
        record_event(connection, "backtest", "the run is stored", subject=f"run {run_id}")
    return int(run_id)


def add_session(
    connection: sqlite3.Connection,
    *,
    agent: str = "cnn",
    steps: int = 600,
    total_steps: int = 1_500,
    state: str = "running",
    seed: int = 1,
    diverge_at: int | None = None,
    job: bool = True,
    worker_id: int | None = None,
) -> tuple[int, int | None]:
    """A session with the curves that the CNN logs; returns its id and its job's."""
    job_id, attempt = None, 1
    if job:
        job_id = jobs.enqueue(
            connection, kind="train", title=f"Train {agent}", arguments={"agent": agent, "seed": seed}
        )
        taken = jobs.claim(connection, worker_id or worker(connection), {"cpu": 9, "gpu": 9}, 600.0)
        assert taken is not None and taken.id == job_id
        attempt = taken.attempt
        jobs.progress(connection, job_id, attempt, steps, total_steps, "validation loss falls")
    session_id = create_session(
        connection,
        agent=agent,
        job_id=job_id,
        attempt=attempt,
        seed=seed,
        params_json="{}",
        dataset_id=None,
        split_id=None,
        threads=1,
        device="cpu",
        capability="AVX2",
        total_steps=total_steps,
    )
    write_metrics(connection, session_id, attempt, cnn_metrics(steps, seed, diverge_at))
    update_session(connection, session_id, step=steps)
    if state != "running":
        update_session(connection, session_id, state=state, ended_ms=now_ms())
        if job_id is not None:
            jobs.finish(
                connection, job_id, attempt, "failed" if state in {"failed", "diverged"} else "succeeded"
            )
    return session_id, job_id


def cnn_metrics(steps: int, seed: int, diverge_at: int | None = None) -> list[tuple[int, str, float]]:
    """Loss parts of every step, validation every 50, norms and pace every 10."""
    generator = random.Random(seed)
    rows: list[tuple[int, str, float]] = []
    for step in range(1, steps + 1):
        parts = {
            "losses/classification": 1.1 * math.exp(-step / 300) + 0.35 + generator.gauss(0, 0.02),
            "losses/regression": 0.5 * math.exp(-step / 500) + 0.1 + generator.gauss(0, 0.01),
            "losses/confidence": 0.3 * math.exp(-step / 200) + 0.05 + generator.gauss(0, 0.01),
        }
        total = sum(parts.values())
        if diverge_at is not None and step >= diverge_at:
            total = math.inf
        rows += [(step, name, value) for name, value in parts.items()]
        rows.append((step, "losses/total", total))
        if step % 10 == 0:
            rows.append((step, "gradient_norm/total", 0.4 + abs(generator.gauss(0, 0.2))))
            rows.append((step, "charts/steps_per_second", 46 + generator.gauss(0, 3)))
            rows.append((step, "charts/learning_rate", 1e-3 * math.cos(step / total_steps_of(steps))))
        if step % 50 == 0:
            rows.append((step, "validation/loss", total * 1.1))
    return rows


def total_steps_of(steps: int) -> float:
    """A length over which the learning rate falls."""
    return max(steps, 1) * 0.8


def worker(connection: sqlite3.Connection) -> int:
    """This process as a worker that is alive."""
    return jobs.register_worker(connection, cpu_slots=2, gpu_slots=1)


def add_version(
    connection: sqlite3.Connection, agent: str, session_id: int, *, value: float, baseline: float, status: str
) -> None:
    """A version in the vault's table; its files are not needed by the screens."""
    with transaction(connection):
        version = connection.execute(
            "SELECT coalesce(max(version), 0) + 1 FROM artifact WHERE agent = ?", (agent,)
        ).fetchall()[0][0]
        insert_rows(
            connection,
            "artifact",
            (
                *("agent", "version", "session_id", "path", "sha256", "size", "status", "metric", "value"),
                *("baseline", "metrics_json", "reason", "provenance", "created_ms", "rev"),
            ),
            [
                (
                    *(
                        agent,
                        version,
                        session_id,
                        f"artifacts/{agent}/v{version:04d}",
                        "0" * 64,
                        1024,
                        status,
                    ),
                    *(
                        "roc_auc",
                        value,
                        baseline,
                        "{}",
                        "above its baseline",
                        "backtest",
                        now_ms() - 3_600_000,
                    ),
                    next_rev(connection),
                )
            ],
        )
