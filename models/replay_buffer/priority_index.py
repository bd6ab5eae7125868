"""Which rows to draw, without their data: priorities, pools, counts, and draws that know their own chance.

The data may lie anywhere: in the columns of `ProfitWeightedExperienceBuffer`, or in the dataset of a session,
whose row numbers are those of the index. A batch is a function of (seed, step) and of what happened before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray
from models.replay_buffer.draws import choose, expected_draws
from models.replay_buffer.errors import BadExperience, BufferEmpty, BufferRefused, DrawsSpent
from models.replay_buffer.law import (
    FIRST_CORRECTION,
    MOST_DRAWS,
    PRIORITY_EXPONENT,
    PROFITABLE_FOCUS,
    RAPID_SHARE,
)
from models.replay_buffer.pools import (
    NOWHERE,
    PROFITABLE,
    RAPID,
    Pools,
    insert,
    new_pools,
    rebuild,
    reprioritise,
)

UNCAPPED = 65_535


@dataclass(frozen=True)
class Rules:
    """What the draws obey; `most_draws` is at most 65,534 a session, and 65,535 means no cap."""

    exponent: float = PRIORITY_EXPONENT
    most_draws: int = MOST_DRAWS
    rapid_share: float = RAPID_SHARE
    focus: float = PROFITABLE_FOCUS
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("exponent", self.exponent, 0.0, 4.0),
            ("most_draws", self.most_draws, 1, UNCAPPED),
            ("rapid_share", self.rapid_share, 0.0, 1.0),
            ("focus", self.focus, 0.0, 1.0),
            ("seed", self.seed, 0, 2**63 - 1),
        ):
            if not low <= value <= high:
                raise BadExperience(f"{name} {value} of a replay buffer must lie between {low} and {high}")


@dataclass(frozen=True)
class Draws:
    """A batch: rows (n,), the chance Q that each was drawn with, and importance weights, the largest 1."""

    rows: IntArray
    chance: FloatArray
    weight: FloatArray


class PriorityIndex:
    """Priorities, pools and training counts of up to `capacity` rows."""

    def __init__(self, capacity: int, rules: Rules | None = None) -> None:
        if not 1 <= capacity < 2**31:
            raise BadExperience(
                f"a replay buffer of {capacity:,} rows: between 1 and 2,147,483,647 are possible"
            )
        self.capacity = capacity
        self.rules = Rules() if rules is None else rules
        self.pools: Pools = new_pools(capacity)
        self.rows = 0
        self.step = 0

    def insert(
        self,
        rows: IntArray,
        profitable: NDArray[np.bool_],
        rapid: NDArray[np.bool_],
        priority: FloatArray,
    ) -> None:
        """Put rows in, each once and in place of what had its number; BadExperience unless priorities > 0."""
        if len(rows) and (rows.min() < 0 or rows.max() >= self.capacity or len(np.unique(rows)) < len(rows)):
            raise BadExperience(f"rows must be different numbers below {self.capacity:,}")
        if len(rows):
            checked = priorities(priority)
            pool = PROFITABLE * profitable.astype(np.uint8) + RAPID * rapid.astype(np.uint8)
            insert(self.pools, rows, pool, checked, self.leaf_of(checked))
            self.rows = max(self.rows, int(rows.max()) + 1)

    def draw(
        self,
        batch: int,
        prioritize_profitable: bool = False,
        correction: float = FIRST_CORRECTION,
        step: int | None = None,
    ) -> Draws:
        """`batch` rows by the law of `models.replay_buffer.draws`; counts them.

        `step` is the number that the randomness belongs to, one more than the last where none is given.
        Raises BufferEmpty, and DrawsSpent before anything was drawn.
        """
        self.step = self.step + 1 if step is None else step
        rows, chance, relative = np.empty(batch, np.int64), np.empty(batch), np.empty(batch)
        numbers = self.numbers_of(batch, prioritize_profitable)
        got = choose(self.pools, *numbers, self.rules.seed, self.step, rows, chance, relative)
        if got < batch:
            self.give_back(rows[:got])
            self.refuse(batch)
        return Draws(rows, chance, scaled_weights(relative, correction))

    def numbers_of(self, batch: int, prioritize_profitable: bool) -> tuple[float, int, int, int]:
        """Focus, uniform draws, most rapid draws and most draws a row, of a batch."""
        rules = self.rules
        focus = rules.focus if prioritize_profitable else 0.0
        return focus, (batch + 1) // 2, int(batch * rules.rapid_share), rules.most_draws

    def refuse(self, batch: int) -> None:
        """Says why a batch could not be drawn; raises BufferEmpty or DrawsSpent."""
        if self.rows == 0:
            raise BufferEmpty
        raise DrawsSpent(batch, self.draws_left, self.rules.most_draws)

    def give_back(self, rows: IntArray) -> None:
        """Undo the counts of draws that nobody got."""
        np.subtract.at(self.pools.drawn, rows, np.uint16(1))
        self._relist(np.unique(rows))

    def chances(self, batch: int, prioritize_profitable: bool = False) -> FloatArray:
        """Q of every row in the next batch, (rows,); it sums to 1, and is 0 for rows at their cap."""
        terms = np.zeros(8)
        focus, uniform, most_rapid, _ = self.numbers_of(batch, prioritize_profitable)
        if expected_draws(self.pools, batch, uniform, most_rapid, focus, terms) == 0:
            self.refuse(batch)
        pools = self.pools
        shares = np.zeros((2, 4))
        roots = pools.forest[:, pools.offsets[-1]]
        flat = np.concatenate([terms[6:8], terms[0:2]]), np.concatenate([terms[4:6], terms[2:4]])
        np.divide(flat[0], pools.sizes, out=shares[0], where=pools.sizes > 0)
        np.divide(flat[1], roots, out=shares[1], where=roots > 0.0)
        pool = pools.pool[: self.rows]
        leaf = pools.forest[pool, np.arange(self.rows)]
        listed = pools.place[: self.rows] != NOWHERE
        chance: FloatArray = (shares[0][pool] * listed + shares[1][pool] * leaf) / batch
        return chance

    def update(self, rows: IntArray, priority: FloatArray) -> None:
        """Give rows other priorities; BadExperience unless they are > 0 and the rows exist."""
        if len(rows) and (rows.min() < 0 or rows.max() >= self.rows):
            raise BadExperience(f"rows {rows.min()} to {rows.max()}: the buffer holds {self.rows:,}")
        self.update_checked(rows, priorities(priority))

    def update_checked(self, rows: IntArray, priority: FloatArray) -> None:
        """`update` with what is known to be fine."""
        reprioritise(self.pools, rows, priority, self.leaf_of(priority))

    @property
    def counts(self) -> IntArray:
        """How often each row was drawn since the last reset, (rows,)."""
        return self.pools.drawn[: self.rows].astype(np.int64)

    @property
    def draws_left(self) -> int:
        """Draws until every row has reached its cap."""
        return self.rows * self.rules.most_draws - int(self.pools.drawn[: self.rows].sum(dtype=np.int64))

    def reset_counts(self) -> None:
        """A new session: every row may be drawn again."""
        self.pools.drawn[:] = 0
        self._relist(np.arange(self.rows))

    def _relist(self, rows: IntArray) -> None:
        """Put rows that were at their cap and are not any more back into their pools."""
        pools = self.pools
        back = rows[(pools.place[rows] == NOWHERE) & (pools.drawn[rows] < self.rules.most_draws)]
        if len(back):
            drawn, priority = pools.drawn[back].copy(), pools.priority[back]
            insert(pools, back, pools.pool[back], priority, self.leaf_of(priority))
            pools.drawn[back] = drawn

    def leaf_of(self, priority: FloatArray) -> FloatArray:
        """p^a of priorities."""
        leaf: FloatArray = np.power(priority, self.rules.exponent)
        return leaf

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that later draws depend on, as plain arrays; copies."""
        pools, rows = self.pools, self.rows
        most = int(pools.sizes.max())
        return {
            "listed": pools.listed[:, :most].copy(),
            "sizes": pools.sizes.copy(),
            "pool": pools.pool[:rows].copy(),
            "priority": pools.priority[:rows].copy(),
            "leaf": pools.forest[pools.pool[:rows], np.arange(rows)],
            "drawn": pools.drawn[:rows].copy(),
            "step": np.array([self.step], np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave, with the same draws. Raises BufferRefused."""
        rows, most = _checked(state, self.capacity, self.rules.most_draws)
        pools = new_pools(self.capacity)
        pools.sizes[:] = state["sizes"]
        pools.listed[:, :most] = state["listed"]
        for name in ("pool", "priority", "drawn"):
            getattr(pools, name)[:rows] = state[name]
        rebuild(pools, np.ascontiguousarray(state["leaf"], np.float64))
        self.pools, self.rows, self.step = pools, rows, int(state["step"][0])


def scaled_weights(relative: FloatArray, correction: float) -> FloatArray:
    """(N Q)^-b over the largest; works in `relative`."""
    np.power(relative, -correction, out=relative)
    relative /= relative.max()
    return relative


def priorities(priority: FloatArray) -> FloatArray:
    """As float64; raises BadExperience unless all are above 0 and finite."""
    values: FloatArray = np.ascontiguousarray(priority, dtype=np.float64)
    # Not `> 0`: that lets a NaN pass.
    if values.size and not (values.min() > 0.0 and values.max() < np.inf):
        row = int(np.argmin((values > 0.0) & np.isfinite(values)))
        raise BadExperience(f"priority {values[row]} of row {row}: it must be above 0 and finite")
    return values


def _checked(state: Mapping[str, NDArray[Any]], capacity: int, most_draws: int) -> tuple[int, int]:
    """(rows, length of the lists) of a state whose arrays fit together."""
    try:
        rows, sizes, listed = len(state["priority"]), state["sizes"], state["listed"]
        pool, drawn, priority = state["pool"], state["drawn"], state["priority"]
        step, leaf = state["step"], state["leaf"]
    except KeyError as error:
        raise BufferRefused(f"the state of a replay buffer lacks {error}") from error
    may_be_drawn = np.sort(np.concatenate([listed[k, : sizes[k]] for k in range(len(sizes))]))
    checks = {
        "lengths": len(pool) == len(drawn) == len(leaf) == rows <= capacity and len(step) == 1,
        "pools": sizes.shape == (4,) and listed.shape == (4, sizes.max()) and bool((pool < 4).all()),
        "priorities": bool((priority > 0.0).all() and np.isfinite(priority).all()),
        "leaves": bool(np.array_equal(leaf > 0.0, drawn < most_draws)),
        "lists": np.array_equal(may_be_drawn, np.flatnonzero(drawn < most_draws)),
    }
    for name, fine in checks.items():
        if not fine:
            raise BufferRefused(f"the state of a replay buffer is damaged: its {name} do not fit together")
    if not all((pool[listed[k, : sizes[k]]] == k).all() for k in range(4)):
        raise BufferRefused("the state of a replay buffer is damaged: rows stand in the list of another pool")
    return rows, listed.shape[1]
