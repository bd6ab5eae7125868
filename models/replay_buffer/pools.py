"""Which rows may be drawn, sorted into pools: profitable or not, rapid or not; one sum tree each.

A row that was drawn as often as it may be is in no pool, keeps its priority, and has a leaf of 0. Each pool
lists its rows in an array without holes, so that a uniform draw is one look-up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray
from models.compiled import kernel
from models.replay_buffer.sum_tree import level_offsets, new_forest, resum_above, set_leaf

POOLS = 4
PROFITABLE, RAPID = 1, 2
"""The number of a pool is the sum of what its rows are; pool 0 holds those that are neither."""

NOWHERE = -1


class Pools(NamedTuple):
    """State of the pools; `capacity` rows.

    `forest` (4, nodes) holds p^a of what may be drawn, `offsets` its levels; `listed` (4, capacity) the rows
    of each pool, `sizes` (4,) how many; `place` (capacity,) where in its list a row stands, -1 in none;
    `pool` (capacity,) its pool, `priority` (capacity,) p, `drawn` (capacity,) how often it was drawn.
    """

    forest: FloatArray
    offsets: IntArray
    listed: NDArray[np.int32]
    sizes: IntArray
    place: NDArray[np.int32]
    pool: NDArray[np.uint8]
    priority: FloatArray
    drawn: NDArray[np.uint16]


def new_pools(capacity: int) -> Pools:
    """Empty pools; memory is taken as rows come."""
    return Pools(
        forest=new_forest(POOLS, capacity),
        offsets=level_offsets(capacity),
        listed=np.zeros((POOLS, capacity), np.int32),
        sizes=np.zeros(POOLS, np.int64),
        place=np.full(capacity, NOWHERE, np.int32),
        pool=np.zeros(capacity, np.uint8),
        priority=np.zeros(capacity),
        drawn=np.zeros(capacity, np.uint16),
    )


@kernel
def unlist(pools: Pools, row: int) -> None:
    """Take a row out of its list; the last one of the list takes its place."""
    pool = pools.pool[row]
    pools.sizes[pool] -= 1
    last = pools.listed[pool, pools.sizes[pool]]
    place = pools.place[row]
    pools.listed[pool, place] = last
    pools.place[last] = place
    pools.place[row] = -1


@kernel
def retire(pools: Pools, row: int) -> None:
    """Nothing draws this row any more."""
    unlist(pools, row)
    set_leaf(pools.forest, pools.offsets, pools.pool[row], row, 0.0)


@kernel
def insert(
    pools: Pools, rows: IntArray, pool_of: NDArray[np.uint8], priority: FloatArray, leaf: FloatArray
) -> None:
    """Put rows (each once) into pools, in place of what stood there; they were drawn 0 times.

    `leaf` is p^a of each.
    """
    moved = False
    for j in range(len(rows)):
        row = rows[j]
        if pools.place[row] >= 0 and pools.pool[row] != pool_of[j]:
            unlist(pools, row)
            pools.forest[pools.pool[row], row] = 0.0
            moved = True
    if moved:
        resum_above(pools.forest, pools.offsets, rows, pools.pool)
    for j in range(len(rows)):
        row, pool = rows[j], pool_of[j]
        pools.pool[row] = pool
        pools.priority[row] = priority[j]
        pools.drawn[row] = 0
        if pools.place[row] < 0:
            pools.place[row] = pools.sizes[pool]
            pools.listed[pool, pools.sizes[pool]] = row
            pools.sizes[pool] += 1
        pools.forest[pool, row] = leaf[j]
    resum_above(pools.forest, pools.offsets, rows, pools.pool)


@kernel
def reprioritise(pools: Pools, rows: IntArray, priority: FloatArray, leaf: FloatArray) -> None:
    """Give rows other priorities; of a row that stands there twice the last one counts."""
    for j in range(len(rows)):
        row = rows[j]
        pools.priority[row] = priority[j]
        if pools.place[row] >= 0:
            pools.forest[pools.pool[row], row] = leaf[j]
    resum_above(pools.forest, pools.offsets, rows, pools.pool)


@kernel
def rebuild(pools: Pools, leaf: FloatArray) -> None:
    """Places and trees from lists, sizes and the leaf of each row, (rows,)."""
    for pool in range(4):
        rows = np.sort(pools.listed[pool, : pools.sizes[pool]].astype(np.int64))
        for place in range(pools.sizes[pool]):
            pools.place[pools.listed[pool, place]] = place
        for row in rows:
            pools.forest[pool, row] = leaf[row]
        resum_above(pools.forest, pools.offsets, rows, pools.pool)
