"""The draw of a batch: law, draws, counts and weights in one compiled call.

Of a batch of B draws at least half, U = ceil(B/2), are uniform over the N rows that may still be drawn, the
others follow the priorities: the expected draws of row i are

    B Q_i = U/N + (B - U) [(1 - f) p_i^a / sum p^a + f p_i^a / sum over profitable p^a, if it is profitable]

where f is the focus on profitable rows, 0 without one. Where more than `most_rapid` draws would fall on rapid
rows, both terms of those are scaled down to exactly that, and both terms of the others up, so that U stays;
where no others are left, rapid rows fill the batch.

Draws are stratified: the number that falls on each term of each pool is its expectation, rounded up or down
by one random offset, and within a term each draw has a stretch of its own. This keeps the law of each row and
makes it less noisy. A draw beyond the cap of its row is drawn again from what is then left, by the law of
that, and its chance is the one it had there.
"""

from __future__ import annotations

import math

import numpy as np

from models.candle_series import FloatArray, IntArray
from models.compiled import kernel
from models.replay_buffer.pools import Pools, retire
from models.replay_buffer.sum_tree import find, find_all

TERMS = 8
# Rapid terms are neighbours, and so are the uniform ones (around the end), so that the number of draws on
# either is its expectation rounded, too.
TERM_POOL = (2, 3, 2, 3, 0, 1, 0, 1)
TERM_UNIFORM = (True, True, False, False, False, False, True, True)


@kernel
def random_key(seed: int, step: int) -> np.uint64:
    """One number for the randomness of a step."""
    return mix(mix(np.uint64(seed)) + np.uint64(step) * np.uint64(0x9E3779B97F4A7C15))


@kernel
def mix(bits: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@kernel
def uniform_number(key: np.uint64, count: int) -> float:
    """The number `count` of the sequence `key`, in [0, 1)."""
    bits = mix(key + np.uint64(count + 1) * np.uint64(0x9E3779B97F4A7C15))
    return float(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def expected_draws(
    pools: Pools, draws: int, uniform: int, most_rapid: int, focus: float, terms: FloatArray
) -> int:
    """Fill `terms` (8,) with the draws expected on each term; the number of rows that may be drawn."""
    sizes, top = pools.sizes, pools.offsets[-1]
    rows: int = sizes[0] + sizes[1] + sizes[2] + sizes[3]
    if rows == 0:
        return 0
    roots = pools.forest[:, top]
    total = (roots[0] + roots[1]) + (roots[2] + roots[3])
    profitable = roots[1] + roots[3]
    if profitable <= 0.0:
        focus = 0.0
    rest = draws - uniform
    for term in range(8):
        pool = TERM_POOL[term]
        if TERM_UNIFORM[term]:
            terms[term] = uniform * (sizes[pool] / rows)
        else:
            share = (1.0 - focus) * roots[pool] / total
            if pool & 1 and focus > 0.0:
                share += focus * roots[pool] / profitable
            terms[term] = rest * share
    _limit_rapid(terms, uniform, rest, most_rapid, sizes[0] + sizes[1])
    return rows


@kernel
def _limit_rapid(terms: FloatArray, uniform: int, rest: int, most_rapid: int, others: int) -> None:
    rapid = (terms[0] + terms[1]) + (terms[2] + terms[3])
    if rapid <= most_rapid or others == 0:
        return
    factor = most_rapid / rapid
    uniform_rapid, rest_rapid = terms[0] + terms[1], terms[2] + terms[3]
    for term in range(4):
        terms[term] *= factor
    if rest > rest_rapid:
        terms[4] *= (rest - factor * rest_rapid) / (rest - rest_rapid)
        terms[5] *= (rest - factor * rest_rapid) / (rest - rest_rapid)
    if uniform > uniform_rapid:
        terms[6] *= (uniform - factor * uniform_rapid) / (uniform - uniform_rapid)
        terms[7] *= (uniform - factor * uniform_rapid) / (uniform - uniform_rapid)


@kernel
def choose(
    pools: Pools,
    focus: float,
    uniform: int,
    most_rapid: int,
    most_draws: int,
    seed: int,
    step: int,
    rows: IntArray,
    chances: FloatArray,
    relative: FloatArray,
) -> int:
    """Draw len(rows) rows; their Q into `chances`, N Q into `relative`.

    Returns how many could be drawn, fewer only when every row has reached its cap.
    """
    wanted, filled, spent = len(rows), 0, 0
    terms, until = np.zeros(8), np.zeros(8, np.int64)
    used_uniform = used_rapid = 0
    key = random_key(seed, step)
    while filled < wanted:
        draws = wanted - filled
        still = min(draws, max(0, uniform - used_uniform))
        count = expected_draws(pools, draws, still, max(0, most_rapid - used_rapid), focus, terms)
        if count == 0:
            break
        _allocate(terms, draws, uniform_number(key, spent), until)
        _draw(pools, terms, until, filled, draws, key, spent + 1, rows, chances)
        spent += 1 + draws
        start = filled
        for j in range(draws):
            row = rows[start + j]
            if pools.drawn[row] >= most_draws:
                continue
            pools.drawn[row] += 1
            rows[filled] = row
            chances[filled] = chances[start + j]
            relative[filled] = count * chances[filled]
            filled += 1
            used_uniform += j < until[1] or j >= until[5]
            used_rapid += pools.pool[row] >= 2
        for j in range(start, filled):
            if pools.drawn[rows[j]] >= most_draws and pools.place[rows[j]] >= 0:
                retire(pools, rows[j])
    return filled


@kernel
def _allocate(terms: FloatArray, draws: int, offset: float, until: IntArray) -> None:
    """Into `until` (8,) how many of the points offset, offset + 1, ... lie before the end of each term."""
    passed, end, last = 0, 0.0, 0
    for term in range(8):
        if terms[term] > 0.0:
            last = term
    for term in range(8):
        end += terms[term]
        passed = max(passed, min(draws, math.ceil(end - offset)))
        until[term] = draws if term >= last else passed


@kernel
def _draw(
    pools: Pools,
    terms: FloatArray,
    until: IntArray,
    start: int,
    draws: int,
    key: np.uint64,
    spent: int,
    rows: IntArray,
    chances: FloatArray,
) -> None:
    top, first = pools.offsets[-1], 0
    targets = np.empty(draws)
    for term in range(8):
        pool, n = TERM_POOL[term], until[term] - first
        if n > 0:
            size, root = pools.sizes[pool], pools.forest[pool, top]
            mine, shares = rows[start + first : start + until[term]], targets[:n]
            for j in range(n):
                shares[j] = (j + uniform_number(key, spent + first + j)) / n
            if TERM_UNIFORM[term]:
                for j in range(n):
                    mine[j] = pools.listed[pool, min(size - 1, int(shares[j] * size))]
            else:
                for j in range(n):
                    shares[j] *= root
                find_all(pools.forest, pools.offsets, pool, shares, mine)
                _avoid_empty(pools, pool, mine)
            uniform_term = terms[_uniform_term(pool)] / size
            per_leaf = terms[_other_term(pool)] / root
            for j in range(n):
                chances[start + first + j] = (uniform_term + per_leaf * pools.forest[pool, mine[j]]) / draws
        first = until[term]


@kernel
def _avoid_empty(pools: Pools, pool: int, rows: IntArray) -> None:
    """Where rounding led past the last row of a node, take the first row of the pool."""
    for j in range(len(rows)):
        if pools.forest[pool, rows[j]] <= 0.0:
            rows[j] = find(pools.forest, pools.offsets, pool, 0.0)


@kernel
def _uniform_term(pool: int) -> int:
    return pool - 2 if pool >= 2 else pool + 6


@kernel
def _other_term(pool: int) -> int:
    return pool if pool >= 2 else pool + 4
