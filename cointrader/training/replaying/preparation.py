"""From a request to two stored datasets and one split: everything a replay needs before anything is trained.

What was prepared is kept with the replay as JSON, so an attempt that takes over trains on the same rows, even
where setups were added or rescored in the meantime.
"""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cointrader.settings import Settings
from cointrader.training.datasets import store_dataset
from cointrader.training.outcomes.score import BPS
from cointrader.training.replaying.candidates import allowed_setups, check_request, least_episodes
from cointrader.training.replaying.errors import NoSetups, ReplayRefused
from cointrader.training.replaying.replay_rows import collected_part, control_dataset, replay_dataset
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from cointrader.training.replaying.selection import (
    Selection,
    Thresholds,
    known_in_time,
    select,
    setup_of_each_row,
)
from cointrader.training.source import WorkspaceSource
from models import registry
from models.base import AgentModule, Dataset, TrainingSource
from models.cnn.batches import steps_until_cap, steps_within_cap
from models.parameters import build, to_json
from models.setup_rows import SetupRows
from storage.workspace import Workspace

LEAST_STEPS = 10
DRAW_UNIFORMLY = ("cnn",)
"""Agents that draw every row alike unless a dataset says otherwise."""
LOOKS = 10


@runtime_checkable
class _HasSetups(Protocol):
    def setups(self, symbols: str) -> SetupRows: ...


@dataclass(frozen=True)
class Prepared:
    """What both sessions are trained with: parameters as JSON, and a dataset each, of the same rows.

    `counts` are the thresholds with what passes them, `words` the sentences for the operator.
    """

    params_json: str
    dataset_id: int
    control_dataset_id: int
    steps: int
    setups: int
    counts: Mapping[str, Any]
    words: tuple[str, ...]


@dataclass(frozen=True)
class ReplayData:
    """A replay before it is stored: the rows drawn uniformly, the same by its law, and what was chosen."""

    control: Dataset
    replayed: Dataset
    selection: Selection
    params: Any


def prepare(
    workspace: Workspace,
    connection: sqlite3.Connection,
    request: ReplayRequest,
    settings: Settings,
    params: Any = None,
) -> Prepared:
    """Choose, and store both datasets. `params` stand in for those of the request.

    Raises ReplayRefused in one of its forms, NotEnoughRows, ParameterError, FilterError.
    """
    check_request(connection, request, settings.training)
    source = WorkspaceSource(workspace, connection)
    chosen = params or build(registry.params_class(request.agent), request.params)
    allowed = allowed_setups(connection, request)
    data = replay_data(registry.load(request.agent), source, request, chosen, settings, allowed)
    selection, steps, batch = data.selection, data.params.steps, data.params.batch_size
    words = (
        selection.eligible.words,
        selection.profitable.words,
        selection.words,
        f"both sessions take at most {steps:,} steps of {batch:,} rows, on one split",
    )
    return Prepared(
        params_json=to_json(data.params),
        dataset_id=store_dataset(workspace, connection, data.replayed),
        control_dataset_id=store_dataset(workspace, connection, data.control),
        steps=steps,
        setups=len(selection.setups),
        counts={
            "eligible": _plain(asdict(selection.eligible)),
            "profitable": _plain(asdict(selection.profitable)),
            "mean_return_bps": selection.mean_return / BPS,
            "mean_return_of_all_bps": selection.mean_return_of_all / BPS,
        },
        words=words,
    )


def replay_data(
    module: AgentModule,
    source: TrainingSource,
    request: ReplayRequest,
    params: Any,
    settings: Settings,
    allowed: frozenset[int] | None,
) -> ReplayData:
    """The dataset of the agent with the law of the replay, and parameters whose steps keep to the cap.

    Each row is drawn at most 32 times a session, so few setups make a short session; its control takes as
    many steps. Raises ReplayRefused in one of its forms.
    """
    if not isinstance(source, _HasSetups):
        raise NoSetups(0)
    setups = source.setups(getattr(params, "symbols", "all"))
    if not len(setups.id):
        raise NoSetups(0)
    whole = module.dataset(source, params)
    base, row_setup = collected_part(whole, setup_of_each_row(whole, setups))
    folds = module.split(base, params).folds
    train = folds[0].train
    held_out = np.concatenate([fold.test for fold in folds])
    row_setup = known_in_time(base, setups, row_setup, held_out)
    training = settings.training
    thresholds = Thresholds(
        eligible=training.min_profitability_for_replay,
        unit=training.score_unit_bps * BPS,
    )
    least = least_episodes(request.agent, training)
    selection = select(request, setups, row_setup, train, thresholds, least, allowed)
    # Of whole rows: a law of more would expect rows that the cap of a batch keeps out.
    rapid_share = int(params.batch_size * settings.rapid.batch_share) / params.batch_size
    replayed = replay_dataset(base, setups, row_setup, train, selection, request.kind, rapid_share)
    # Where chosen rows alone are drawn they would all end at their cap, drawn alike whatever their priority.
    most = steps_until_cap if request.kind is ReplayKind.PROFITABLE else steps_within_cap
    steps = most(np.asarray(replayed.arrays["replay_probability"]), params.batch_size, params.steps)
    if steps < LEAST_STEPS:
        raise ReplayRefused(
            f"{len(selection.rows):,} rows of 32 draws each are {steps:,} steps of {params.batch_size:,}; "
            f"at least {LEAST_STEPS} are needed: lower batch_size or choose more setups"
        )
    control = base if request.agent in DRAW_UNIFORMLY else control_dataset(base, train)
    return ReplayData(control, replayed, selection, _with_steps(params, steps))


def _with_steps(params: Any, steps: int) -> Any:
    """Parameters of a session of so many steps, validated at least ten times on the way."""
    changes: dict[str, int] = {"steps": steps}
    if hasattr(params, "evaluate_every"):
        changes["evaluate_every"] = min(params.evaluate_every, max(5, steps // LOOKS))
    return dataclasses.replace(params, **changes)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with infinite numbers as None, which JSON can hold."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
