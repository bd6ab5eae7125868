"""The first hour of a workspace in two minutes: real candles become decisions, decisions become models.

    sample candles -> import -> backtest of two strategies -> signals, rejections, positions, rewards
                                                            -> what the rejected ones would have earned
    bundled books  -> import -> setups at signals, extremes and intervals -> outcomes, experiences
                                                            -> the first trainings, queued as jobs

An import and a collection that are repeated add nothing. What the backtest found is one transaction, and the
attempt that finds it there goes on behind it; the trainings and the end of the job are another one. So a
bootstrap that is killed at any moment stores nothing twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cointrader.jobs.journal import say
from cointrader.jobs.requests import enqueue_training
from models import registry
from models.parameters import ParameterError, build
from storage import jobs as queue
from storage.database import transaction
from storage.runs import latest_run_id

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext

AGENTS_OF_CANDLES = ("cnn", "signal_classifier")
AGENTS_OF_SETUPS = ("dqn", "cob_rl")
FIRST_AGENTS = (*AGENTS_OF_CANDLES, *AGENTS_OF_SETUPS)
FIRST_STRATEGIES = ("momentum", "mean_bot")
FIRST_SETUP_BARS = 17_280
"""Newest bars of each series, 60 days of five minutes, whose setups are collected."""

FIRST_PARAMS: Mapping[str, Mapping[str, str]] = {}
"""Where a first training is to be shorter than one by default."""

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
    """The job: import, backtest, collect, queue the trainings. Result: {bars, run_id, setups, trainings}."""
    from cointrader.core.hindsight_pass import judge_rejections
    from cointrader.jobs.collecting import collect_stored

    bars = _import_sample(context)
    if not workspace_is_filled(context.connection):
        _trade(context)
    say(judge_rejections(context.workspace, context.connection, context.progress).text)
    _import_book(context)
    collected = collect_stored(context, newest_bars=FIRST_SETUP_BARS)
    with transaction(context.connection):
        _enqueue_trainings(context, FIRST_AGENTS)
        told = {
            "bars": bars,
            "run_id": latest_run_id(context.connection),
            "setups": {name: collected.total(name) for name in ("collected", "validated", "experiences")},
            "trainings": [job.id for job in queue.children(context.connection, context.job.id)],
        }
        context.succeed(told)
    return told


def _trade(context: WorkContext) -> None:
    """Backtest, and let those learn that need candles and signals only, while setups are collected."""
    from cointrader.backtest.store import store_backtest
    from cointrader.jobs.stored_backtest import run_stored

    result = run_stored(context, FIRST_STRATEGIES)
    # All or nothing: a bootstrap that is killed before this has traded nothing, and after it does not again.
    with transaction(context.connection):
        store_backtest(context.workspace, context.connection, result)
        _enqueue_trainings(context, AGENTS_OF_CANDLES)


def _import_sample(context: WorkContext) -> int:
    from cointrader.data_feeds.candle_import import import_candles
    from cointrader.data_feeds.sample import sample_files

    files = sample_files()
    bars = 0
    for place, path in enumerate(files):
        context.progress(place, len(files), f"importing {path.name}")
        bars += import_candles(context.workspace, context.connection, path).bars
    return bars


def _import_book(context: WorkContext) -> None:
    """The bundled order books; those that are there already stay as they are."""
    from cointrader.data_feeds.front_door import FrontDoor
    from cointrader.data_feeds.sample import BOOK_SYMBOL, sample_book
    from cointrader.interop.file_kind import ImportOptions

    door = FrontDoor(context.workspace, context.connection, ImportOptions(symbol=BOOK_SYMBOL))
    for outcome in door.take([sample_book()], context.progress):
        say(outcome.text)


def _enqueue_trainings(context: WorkContext, agents: Sequence[str]) -> None:
    """Queue the trainings that an earlier attempt has not."""
    queued = {job.arguments["agent"] for job in queue.children(context.connection, context.job.id)}
    params = context.arguments.get("params", {})
    for agent in agents:
        if agent not in queued:
            chosen = {**FIRST_PARAMS.get(agent, {}), **params.get(agent, {})}
            enqueue_training(context.connection, agent, chosen, parent_id=context.job.id)
