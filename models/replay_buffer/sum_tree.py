"""Sum trees with eight children a node, in one flat float64 array each.

A node is always computed from its eight children in the same order, never by adding a difference: so sums do
not drift, and the same leaves give the same bits in whatever order they were set. With non-negative leaves
the root differs from their exact sum by at most 3 L 2^-53 of it, L levels above the leaves.

Rows of a forest: one tree a pool, all of one shape; `offsets[l]` is where level l begins, leaves first, root
last. Eight float64 are one cache line, which is why nodes have eight children and trees begin on one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray
from models.compiled import kernel

FAN_OUT = 8
CACHE_LINE = 64


def level_offsets(leaves: int) -> IntArray:
    """Where each level begins in a tree of `leaves` leaves, and that of the root."""
    offsets, start, size = [], 0, max(leaves, 2)
    while True:
        offsets.append(start)
        if size == 1:
            return np.array(offsets, dtype=np.int64)
        blocks = -(-size // FAN_OUT)
        start += blocks * FAN_OUT
        size = blocks


def new_forest(trees: int, leaves: int) -> FloatArray:
    """`trees` empty trees, (trees, nodes); memory is only taken by what is written to."""
    nodes = int(level_offsets(leaves)[-1]) + FAN_OUT
    spare = CACHE_LINE // 8
    raw = np.zeros(trees * nodes + spare)
    skipped = (-raw.ctypes.data % CACHE_LINE) // 8
    return raw[skipped : skipped + trees * nodes].reshape(trees, nodes)


@kernel
def resum(forest: FloatArray, offsets: IntArray, level: int, tree: int, node: int) -> None:
    """Compute one node from its children."""
    c = offsets[level - 1] + (node << 3)
    forest[tree, offsets[level] + node] = (
        (forest[tree, c] + forest[tree, c + 1]) + (forest[tree, c + 2] + forest[tree, c + 3])
    ) + ((forest[tree, c + 4] + forest[tree, c + 5]) + (forest[tree, c + 6] + forest[tree, c + 7]))


@kernel
def resum_above(forest: FloatArray, offsets: IntArray, rows: IntArray, tree_of: NDArray[np.uint8]) -> None:
    """Compute all nodes above `rows` (each in the tree `tree_of[row]`), level by level.

    Rows next to each other that share a node cost one sum; levels that are smaller than the rows are computed
    whole.
    """
    nodes = offsets[1]
    for level in range(1, len(offsets)):
        nodes = (nodes + 7) >> 3
        if nodes * len(forest) < len(rows):
            for tree in range(len(forest)):
                for node in range(nodes):
                    resum(forest, offsets, level, tree, node)
            continue
        last_node, last_tree = -1, -1
        for row in rows:
            node, tree = row >> (3 * level), int(tree_of[row])
            if node != last_node or tree != last_tree:
                resum(forest, offsets, level, tree, node)
                last_node, last_tree = node, tree


@kernel
def set_leaf(forest: FloatArray, offsets: IntArray, tree: int, row: int, value: float) -> None:
    """Set one leaf and the nodes above it."""
    forest[tree, row] = value
    for level in range(1, len(offsets)):
        resum(forest, offsets, level, tree, row >> (3 * level))


@kernel
def find(forest: FloatArray, offsets: IntArray, tree: int, target: float) -> int:
    """The leaf in which the running sum passes `target`, 0 <= target < root; never an empty one."""
    node = 0
    for level in range(len(offsets) - 2, -1, -1):
        first = offsets[level] + (node << 3)
        chosen = 0
        for child in range(8):
            value = forest[tree, first + child]
            if value > 0.0:
                chosen = child
                if target < value:
                    break
                target -= value
        node = (node << 3) + chosen
    return node


@kernel
def find_all(forest: FloatArray, offsets: IntArray, tree: int, targets: FloatArray, leaves: IntArray) -> None:
    """`find` of many targets at once; works in `targets`.

    Level by level and without branches, so that the machine waits for many nodes at a time.
    """
    leaves[:] = 0
    for level in range(len(offsets) - 2, -1, -1):
        for j in range(len(targets)):
            first, target = offsets[level] + (leaves[j] << 3), targets[j]
            end, passed, chosen = 0.0, 0.0, 0
            for child in range(7):
                end += forest[tree, first + child]
                beyond = target >= end
                passed = end if beyond else passed
                chosen += beyond
            targets[j] = target - passed
            leaves[j] = (leaves[j] << 3) + chosen
