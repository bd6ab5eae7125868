"""Sums of the tree against exact sums."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.replay_buffer.pools import insert, new_pools, reprioritise, retire
from models.replay_buffer.sum_tree import CACHE_LINE, find, find_all, level_offsets, new_forest, set_leaf

CHANGES = st.lists(
    st.tuples(st.integers(0, 299), st.floats(1e-3, 1e6), st.sampled_from(["insert", "change", "retire"])),
    min_size=1,
    max_size=60,
)


def assert_sums(forest, offsets) -> None:
    """Every node is the sum of its children to the bit, and the root that of the leaves within 3 L 2^-53."""
    levels = len(offsets) - 1
    for tree in forest:
        for level in range(1, levels + 1):
            end = offsets[level + 1] if level < levels else offsets[level] + 1
            a, b, c, d, e, f, g, h = tree[offsets[level - 1] : offsets[level]].reshape(-1, 8).T
            sums = ((a + b) + (c + d)) + ((e + f) + (g + h))
            nodes = tree[offsets[level] : end]
            assert np.array_equal(nodes[: len(sums)], sums)
        exact = math.fsum(tree[: offsets[1]])
        assert abs(tree[offsets[-1]] - exact) <= 3 * levels * 2.0**-53 * exact


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_leaf_sums_equal_the_root_after_any_changes(changes):
    pools = new_pools(300)
    for row, priority, kind in changes:
        rows, values = np.array([row, (row * 7 + 1) % 300]), np.array([priority, priority / 3])
        if kind == "insert":
            insert(
                pools, rows[: 1 + (rows[0] != rows[1])], np.array([row % 4, 3], np.uint8), values, values**0.6
            )
        elif kind == "change":
            reprioritise(pools, rows, values, values**0.6)
        elif pools.place[row] >= 0:
            retire(pools, row)
    assert_sums(pools.forest, pools.offsets)
    for pool in range(4):
        mine = pools.listed[pool, : pools.sizes[pool]]
        assert np.array_equal(np.sort(mine), np.flatnonzero((pools.place >= 0) & (pools.pool == pool)))
        assert np.array_equal(pools.place[mine], np.arange(len(mine)))
        assert np.array_equal(np.flatnonzero(pools.forest[pool, :300]), np.sort(mine))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 1e9), min_size=1, max_size=700), st.integers(0, 2**31))
def test_a_target_is_found_in_the_leaf_that_the_running_sum_says(leaves, seed):
    forest, offsets = new_forest(1, len(leaves)), level_offsets(len(leaves))
    for row, value in enumerate(leaves):
        set_leaf(forest, offsets, 0, row, value)
    root = forest[0, offsets[-1]]
    if root == 0.0:
        return
    targets = np.random.default_rng(seed).random(64) * root
    found = np.empty(64, np.int64)
    find_all(forest, offsets, 0, targets.copy(), found)
    ends = np.cumsum(leaves)
    slack = 1e-9 * root
    for target, row in zip(targets, found, strict=True):
        alone = find(forest, offsets, 0, target)
        assert leaves[alone] > 0.0
        for each in (row, alone):
            assert ends[each] - leaves[each] - slack <= target <= ends[each] + slack


def test_trees_begin_on_a_cache_line_and_have_room_for_every_leaf():
    for leaves in (1, 2, 7, 8, 9, 64, 65, 4_097):
        forest, offsets = new_forest(4, leaves), level_offsets(leaves)
        assert forest.ctypes.data % CACHE_LINE == 0
        assert offsets[1] >= leaves
        assert offsets[-1] < forest.shape[1]
        assert all(offset % 8 == 0 for offset in offsets)
