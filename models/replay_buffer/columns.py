"""The experiences themselves, laid out for random reads.

A draw of 256 rows out of a million waits for memory and for little else. So the two states of a row lie side
by side, and so do its small values: a row costs two places of memory instead of five.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray
from models.compiled import kernel
from models.replay_buffer.draws import choose
from models.replay_buffer.pools import PROFITABLE, RAPID, Pools, insert

FACTS = np.dtype(
    [
        ("reward", "<f4"),
        ("scale", "<f4"),
        ("action", "<i4"),
        ("terminated", "u1"),
        ("truncated", "u1"),
        ("profitable", "u1"),
        ("rapid", "u1"),
    ]
)


class Columns(NamedTuple):
    """`states` (capacity, 2, features): state and next state; `facts` (capacity,) of FACTS."""

    states: NDArray[np.float32]
    facts: NDArray[np.void]


class Gathered(NamedTuple):
    """Room for a batch: `states` (2, n, features): states, next states; the others (n,)."""

    states: NDArray[np.float32]
    action: IntArray
    reward: NDArray[np.float32]
    terminated: NDArray[np.float32]
    scale: NDArray[np.float32]


def new_columns(capacity: int, features: int) -> Columns:
    """Empty columns; memory is taken as rows come."""
    return Columns(np.zeros((capacity, 2, features), np.float32), np.zeros(capacity, FACTS))


def room(batch: int, features: int) -> Gathered:
    """Room for one batch."""
    action, reward = np.empty(batch, np.int64), np.empty(batch, np.float32)
    terminated, scale = np.empty(batch, np.float32), np.empty(batch, np.float32)
    return Gathered(np.empty((2, batch, features), np.float32), action, reward, terminated, scale)


@kernel
def add_rows(
    pools: Pools,
    columns: Columns,
    start: int,
    states: NDArray[np.float32],
    next_states: NDArray[np.float32],
    facts: NDArray[np.void],
    priority: FloatArray,
    leaf: FloatArray,
) -> IntArray:
    """Put n experiences into the rows from `start` on, and these into their pools; the rows."""
    for j in range(len(states)):
        for k in range(states.shape[1]):
            columns.states[start + j, 0, k] = states[j, k]
        for k in range(states.shape[1]):
            columns.states[start + j, 1, k] = next_states[j, k]
        columns.facts[start + j] = facts[j]
    return pool_rows(pools, columns, start, start + len(states), priority, leaf)


@kernel
def pool_rows(
    pools: Pools, columns: Columns, start: int, end: int, priority: FloatArray, leaf: FloatArray
) -> IntArray:
    """Put the rows [start, end), whose columns are written, into their pools; the rows."""
    rows, pool = np.arange(start, end), np.empty(end - start, np.uint8)
    for j in range(len(rows)):
        facts = columns.facts[rows[j]]
        pool[j] = PROFITABLE * (facts.profitable != 0) + RAPID * (facts.rapid != 0)
    insert(pools, rows, pool, priority, leaf)
    return rows


@kernel
def gather(columns: Columns, rows: IntArray, out: Gathered) -> None:
    """Copy rows into a batch."""
    _gather_side(columns.states, 0, rows, out.states[0])
    _gather_side(columns.states, 1, rows, out.states[1])
    for j in range(len(rows)):
        facts = columns.facts[rows[j]]
        out.action[j] = facts.action
        out.reward[j] = facts.reward
        out.terminated[j] = facts.terminated
        out.scale[j] = facts.scale


@kernel
def _gather_side(states: NDArray[np.float32], side: int, rows: IntArray, out: NDArray[np.float32]) -> None:
    for j in range(len(rows)):
        row = rows[j]
        for k in range(states.shape[2]):
            out[j, k] = states[row, side, k]


@kernel
def choose_and_gather(
    pools: Pools,
    columns: Columns,
    focus: float,
    uniform: int,
    most_rapid: int,
    most_draws: int,
    seed: int,
    step: int,
    rows: IntArray,
    chances: FloatArray,
    relative: FloatArray,
    out: Gathered,
) -> int:
    """`choose`, then `gather`, in one call."""
    got = choose(pools, focus, uniform, most_rapid, most_draws, seed, step, rows, chances, relative)
    gather(columns, rows[:got], out)
    return got


@kernel
def first_not_finite(bits: NDArray[np.int32]) -> int:
    """The first row of numbers (n, features), given as their bits, that holds one that is not finite, or -1.

    Infinite and NaN have every bit of the exponent set.
    """
    for row in range(len(bits)):
        found = 0
        for k in range(bits.shape[1]):
            found |= (bits[row, k] & 0x7F800000) == 0x7F800000
        if found:
            return row
    return -1
