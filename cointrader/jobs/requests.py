"""Asking for work: checked arguments in, a queued job out. Nothing is queued that cannot be done."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from models import registry
from models.parameters import ParameterError, build
from storage import jobs as queue


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """`["steps=300"]` as {"steps": "300"}; raises ParameterError for a text without `=`."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ParameterError("--param", text, "must be NAME=VALUE")
        values[name] = value
    return values


def enqueue_collection(
    connection: sqlite3.Connection,
    *,
    symbols: Sequence[str] = (),
    timeframe: str | None = None,
    whole: bool = False,
) -> int:
    """Queue a collection from stored candles, of all symbols where none is named; returns the job's id.

    With `whole` all of the history is looked at, not only what has come since the last collection.
    """
    of = f" of {', '.join(symbols)}" if symbols else ""
    return queue.enqueue(
        connection,
        kind="collect",
        title=f"Collect setups{of}",
        arguments={"symbols": list(symbols), "timeframe": timeframe, "whole": whole},
    )


def enqueue_training(
    connection: sqlite3.Connection,
    agent: str,
    params: Mapping[str, str],
    *,
    seed: int = 0,
    parent_id: int | None = None,
) -> int:
    """Queue the training of an agent; returns the job's id.

    Raises UnknownAgent, and ParameterError with the range of what was refused.
    """
    entry = registry.get(agent)
    build(registry.params_class(agent), params)
    return queue.enqueue(
        connection,
        kind="train",
        title=f"Train {agent}",
        arguments={"agent": agent, "params": dict(params), "seed": seed},
        slot=entry.slot,
        parent_id=parent_id,
    )
