"""The first hour of a workspace in two minutes: real candles become decisions, decisions become models.

    sample candles -> import -> backtest of every strategy -> signals, rejections, positions, rewards
                                                            -> the first trainings, queued as jobs

An import that is repeated adds nothing; what the backtest found, the trainings and the end of the job are
one transaction. So a bootstrap that is killed at any moment stores nothing twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cointrader.jobs.requests import enqueue_training
from models import registry
from models.parameters import ParameterError, build
from storage import jobs as queue
from storage.database import transaction

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext

FIRST_AGENTS = ("cnn", "signal_classifier")
FIRST_STRATEGIES = ("momentum", "mean_bot")

AgentParams = Mapping[str, Mapping[str, str]]


def parse_params(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """`["cnn.steps=300"]` as {"cnn": {"steps": "300"}}, checked; raises ParameterError with the range."""
    params: dict[str, dict[str, str]] = {agent: {} for agent in FIRST_AGENTS}
    for text in texts:
        name, equals, value = text.partition("=")
        agent, dot, parameter = name.partition(".")
        if not (equals and dot) or agent not in params:
            expected = f"must be AGENT.NAME=VALUE with AGENT one of {', '.join(FIRST_AGENTS)}"
            raise ParameterError("--param", text, expected)
        params[agent][parameter] = value
    for agent, values in params.items():
        build(registry.params_class(agent), values)
    return params


def pending_bootstrap(connection: sqlite3.Connection) -> int | None:
    """The id of a bootstrap that waits or runs, or whose trainings do."""
    for job in queue.list_jobs(connection):
        if job.kind != "bootstrap":
            continue
        if any(member.state not in queue.ENDED for member in [job, *queue.children(connection, job.id)]):
            return job.id
    return None


def workspace_is_filled(connection: sqlite3.Connection) -> bool:
    """Whether there is anything of a trading run here already."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM trading_run)").fetchall()[0][0])


def enqueue_bootstrap(connection: sqlite3.Connection, params: AgentParams | None = None) -> int:
    """Queue the bootstrap; returns the job's id."""
    arguments = {"params": {agent: dict(values) for agent, values in (params or {}).items()}}
    return queue.enqueue(
        connection, kind="bootstrap", title="Fill the workspace from the sample", arguments=arguments
    )


def fill(context: WorkContext) -> dict[str, Any]:
    """The job: import, backtest, queue the trainings. Result: {bars, run_id, trainings}."""
    from cointrader.backtest.store import store_backtest
    from cointrader.jobs.stored_backtest import run_stored

    bars = _import_sample(context)
    result = run_stored(context, FIRST_STRATEGIES)
    # All or nothing: a bootstrap that is killed before this has traded nothing, after it is done.
    with transaction(context.connection):
        run_id = store_backtest(context.workspace, context.connection, result)
        trainings = [_enqueue_training(context, agent) for agent in FIRST_AGENTS]
        told = {"bars": bars, "run_id": run_id, "trainings": trainings}
        context.succeed(told)
    return told


def _import_sample(context: WorkContext) -> int:
    from cointrader.data_feeds.candle_import import import_candles
    from cointrader.data_feeds.sample import sample_files

    files = sample_files()
    bars = 0
    for place, path in enumerate(files):
        context.progress(place, len(files), f"importing {path.name}")
        bars += import_candles(context.workspace, context.connection, path).bars
    return bars


def _enqueue_training(context: WorkContext, agent: str) -> int:
    params = context.arguments.get("params", {}).get(agent, {})
    return enqueue_training(context.connection, agent, params, parent_id=context.job.id)
