"""The dataset of a replay: the rows of always, and beside each how likely it is to be drawn.

Nothing is taken away from the dataset, so its split, its early-stopping slice and its scored window are those
of the control. What changes is which training rows are drawn, and how often.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from cointrader.training.outcomes.priority import EPSILON
from cointrader.training.replaying.draw_law import draw_law
from cointrader.training.replaying.request import ReplayKind
from cointrader.training.replaying.selection import Selection
from models.base import Dataset
from models.candle_series import IntArray
from models.setup_rows import SetupRows


def collected_part(dataset: Dataset, row_setup: IntArray) -> tuple[Dataset, IntArray]:
    """The rows from the first one that has a setup on, and their setups; earlier history was not collected.

    Were it kept, the setups of a workspace that collects since yesterday would all lie in the window that is
    scored. Both sessions of a replay see the same rows, so the comparison stays what it is.
    """
    known = np.flatnonzero(row_setup >= 0)
    if not len(known) or known[0] == 0:
        return dataset, row_setup
    first = int(np.searchsorted(dataset.t0_ms, dataset.t0_ms[known[0]]))
    arrays = {
        name: array if name.startswith("series_") else array[first:] for name, array in dataset.arrays.items()
    }
    cut = dataclasses.replace(
        dataset,
        arrays=arrays,
        label=dataset.label[first:],
        t0_ms=dataset.t0_ms[first:],
        t1_ms=dataset.t1_ms[first:],
        symbol=dataset.symbol[first:],
        description=f"{dataset.description}; from the first collected setup on",
    )
    return cut, row_setup[first:]


def control_dataset(dataset: Dataset, train: IntArray) -> Dataset:
    """`dataset` with a law that draws all training rows alike, for an agent that would draw by priority."""
    law = draw_law(dataset.rows, train, train, np.ones(dataset.rows))
    arrays = {
        **dataset.arrays,
        "replay_probability": law.probability,
        "replay_weight": law.weight,
    }
    words = f"{dataset.description}; drawn uniformly, as the control of a replay"
    return dataclasses.replace(dataset, arrays=arrays, description=words)


def replay_dataset(
    dataset: Dataset,
    setups: SetupRows,
    row_setup: IntArray,
    train: IntArray,
    selection: Selection,
    kind: ReplayKind,
    rapid_share: float,
) -> Dataset:
    """`dataset` with the arrays of a replay, each with one entry a row.

    `replay_probability` float64, sums to 1 over the training rows; `replay_weight` float32, importance
    weights at b = 1, largest 1; `replay_priority` float64; `replay_rapid` bool; `replay_setup` int64, the
    number of the setup, 0 where there is none. A profitable replay draws chosen rows only; the others draw
    at least half of each batch uniformly from all training rows.
    """
    known = row_setup >= 0
    priority = np.full(dataset.rows, EPSILON)
    priority[known] = np.maximum(EPSILON, setups.priority[row_setup[known]])
    rapid = np.zeros(dataset.rows, dtype=np.bool_)
    rapid[known] = setups.rapid[row_setup[known]]
    number = np.zeros(dataset.rows, dtype=np.int64)
    number[known] = setups.id[row_setup[known]]
    drawn = selection.rows if kind is ReplayKind.PROFITABLE else train
    law = draw_law(dataset.rows, drawn, selection.rows, priority, rapid, rapid_share)
    arrays = {
        **dataset.arrays,
        "replay_probability": law.probability,
        "replay_weight": law.weight,
        "replay_priority": priority,
        "replay_rapid": rapid,
        "replay_setup": number,
    }
    words = f"{dataset.description}; {len(selection.setups):,} {kind} setups drawn more often than the others"
    if kind is ReplayKind.PROFITABLE:
        words = f"{dataset.description}; trained on {len(selection.setups):,} profitable setups alone"
    constants = {**dataset.constants, "replay_rapid_share": rapid_share}
    return dataclasses.replace(dataset, arrays=arrays, constants=constants, description=words)
