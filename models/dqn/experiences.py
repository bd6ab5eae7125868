"""Experiences as the rows of a dataset, and what other agents said of their moments beside the state."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset
from models.candle_series import IntArray
from models.dqn.cross_features import CROSS_NAMES, CrossSource
from models.dqn.network import ACTIONS
from models.dqn.params import DqnParams
from models.dqn.policy import independent_outcomes
from models.dqn.surprise import EXPERIENCE
from models.errors import NotEnoughRows
from models.rl_state import STATE_NAMES
from models.setup_rows import HOLD, ExperienceRows, SetupRows, SetupSource

LEAST_ROWS = 200


@runtime_checkable
class WeighingSource(Protocol):
    """A source that knows how much of each closed position was the DQN's doing."""

    def experience_weights(self, rows: ExperienceRows) -> NDArray[np.float32]:
        """(n,), 1 where nothing is known."""
        ...


def state_names(width: int) -> tuple[str, ...]:
    """Names of the numbers of a state of so many: those of `rl_states`, or plain numbers of another."""
    if width == len(STATE_NAMES):
        return STATE_NAMES
    return tuple(f"state_{place}" for place in range(width))


def experience_dataset(source: SetupSource, params: DqnParams) -> Dataset:
    """Rows are experiences whose next state is known where they need one; NotEnoughRows below 200."""
    rows = source.experiences(params.symbols)
    usable = np.flatnonzero(rows.terminated | (rows.next_setup >= 0))
    # By time, and where times are equal by number: the same rows in the same order every time.
    order = usable[np.lexsort((rows.id[usable], rows.ts_ms[usable]))][-params.max_rows :]
    if len(order) < LEAST_ROWS:
        raise NotEnoughRows(len(order), LEAST_ROWS, f"experiences (waiting {len(order):,}/{LEAST_ROWS:,})")
    setups, symbols = rows.setups, sorted(set(rows.setups.symbol))
    number = {name: place for place, name in enumerate(symbols)}
    of_setup = np.array([number[name] for name in setups.symbol], np.int16)
    state, names, cut_offs = _states(source, setups)
    return Dataset(
        agent="dqn",
        arrays=_arrays(source, rows, order, state),
        label=rows.action[order].astype(np.int64),
        t0_ms=rows.ts_ms[order],
        t1_ms=np.maximum(rows.ends_ms, rows.ts_ms)[order],
        symbol=of_setup[rows.setup[order]],
        symbols=tuple(symbols),
        feature_names=names,
        label_order=ACTIONS,
        horizon_bars=_overlap(rows, order),
        provenance=source.provenance,
        description=(
            f"{len(order):,} experiences in {len(np.unique(rows.setup[order])):,} setups of "
            f"{', '.join(symbols)}, {int(rows.from_close[order].sum()):,} of them from closed positions"
        ),
        constants=cut_offs,
    )


def _states(
    source: SetupSource, setups: SetupRows
) -> tuple[NDArray[np.float32], tuple[str, ...], dict[str, float]]:
    """States, the names of their numbers, and the cut-offs of what was asked, as constants."""
    state, names = setups.state.astype(np.float32), state_names(setups.state.shape[1])
    if not isinstance(source, CrossSource):
        return np.ascontiguousarray(state), names, {}
    said = source.cnn_features(setups)
    both = np.ascontiguousarray(np.hstack([state, said.features.astype(np.float32)]))
    cut_offs = {f"cnn_v{number}_learned_until_ms": float(ms) for number, ms in said.cut_offs.items()}
    return both, (*names, *CROSS_NAMES), cut_offs


def _arrays(
    source: SetupSource, rows: ExperienceRows, order: IntArray, state: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    weight = (
        source.experience_weights(rows)
        if isinstance(source, WeighingSource)
        else np.ones(len(rows.id), np.float32)
    )
    return {
        "series_state": state,
        EXPERIENCE: rows.id[order].astype(np.int64),
        "setup": rows.setup[order],
        "following": np.where(rows.terminated, -1, rows.next_setup)[order],
        "action": rows.action[order].astype(np.int64),
        "reward": rows.reward[order].astype(np.float64),
        "terminated": rows.terminated[order].astype(np.uint8),
        "from_close": rows.from_close[order].astype(np.uint8),
        "rapid": rows.setups.rapid[rows.setup[order]].astype(np.uint8),
        "priority": rows.priority[order].astype(np.float64),
        "model_weight": weight[order].astype(np.float32),
    }


def _overlap(rows: ExperienceRows, order: IntArray) -> int:
    """How many outcomes of setups are open at a time, on average."""
    trades = order[(rows.action[order] != HOLD) & ~rows.from_close[order]]
    _, first = np.unique(rows.setup[trades], return_index=True)
    if not len(first):
        return 1
    mine = trades[first]
    independent = independent_outcomes(rows.ts_ms[mine], rows.ends_ms[mine])
    return max(1, round(len(mine) / max(1.0, independent)))
