"""The replay buffer of the RL agents: a ring of experiences, and draws that favour what there is to learn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.candle_series import FloatArray, IntArray
from models.replay_buffer.columns import (
    FACTS,
    Columns,
    add_rows,
    choose_and_gather,
    first_not_finite,
    new_columns,
    pool_rows,
    room,
)
from models.replay_buffer.errors import BadExperience
from models.replay_buffer.files import Saved, read_buffer, write_buffer
from models.replay_buffer.law import FIRST_CORRECTION
from models.replay_buffer.priority_index import PriorityIndex, Rules, priorities, scaled_weights

WAITING = 256


@dataclass(frozen=True)
class ExperienceBatch:
    """What was drawn, n rows.

    `state`, `next_state` (n, features) float32; `action` int64; `reward`; `terminated` 1 where nothing
    follows; `scale` how much a row's loss counts of itself; `chance` the Q that it was drawn with; `weight`
    the importance weight, the largest 1; `row` its number in the buffer, for `update_priorities`.
    """

    row: IntArray
    state: NDArray[np.float32]
    action: IntArray
    reward: NDArray[np.float32]
    next_state: NDArray[np.float32]
    terminated: NDArray[np.float32]
    scale: NDArray[np.float32]
    chance: FloatArray
    weight: FloatArray


class ProfitWeightedExperienceBuffer:
    """Up to `capacity` experiences of `features` numbers a state; the oldest give way to new ones.

    Priorities are positive numbers; an experience without one gets the largest so far, so that it is soon
    seen. Rows belong to two pools, profitable and other; those marked rapid are a limited share of a batch.
    Not safe for two threads at once.
    """

    def __init__(self, capacity: int, features: int, rules: Rules | None = None) -> None:
        self._start(PriorityIndex(capacity, rules), new_columns(capacity, features))

    def _start(self, index: PriorityIndex, columns: Columns) -> None:
        self.index, self._columns = index, columns
        self.capacity, self.features = index.capacity, columns.states.shape[2]
        # The columns of new rows are written at once, their places in the pools a few hundred at a time.
        self._state, self._next = columns.states[:, 0], columns.states[:, 1]
        self._facts = columns.facts
        self._waiting_priority = np.zeros(index.capacity if index.capacity < WAITING else WAITING)
        self._waiting = 0
        self._head = 0
        self._top = 1.0

    def __len__(self) -> int:
        return min(self.capacity, self.index.rows + self._new_rows())

    def _new_rows(self) -> int:
        return self._waiting if self.index.rows < self.capacity else 0

    def add(
        self,
        state: ArrayLike,
        action: int,
        reward: float,
        next_state: ArrayLike,
        terminated: bool,
        truncated: bool = False,
        profitable: bool | None = None,
        rapid: bool = False,
        priority: float | None = None,
        scale: float = 1.0,
    ) -> int:
        """Put one experience in and answer its row; `profitable` None means a reward above 0.

        Raises BadExperience for a number that is not finite or a state of another length.
        """
        row = self._head
        if not (math.isfinite(reward) and math.isfinite(scale) and scale >= 0.0):
            raise BadExperience(f"reward {reward}, scale {scale}: both must be finite, the scale 0 or more")
        given = self._top if priority is None else priority
        if not 0.0 < given < math.inf:
            raise BadExperience(f"priority {given}: it must be above 0 and finite")
        self._state[row], self._next[row] = self._one(state), self._one(next_state)
        self._facts[row] = (
            reward,
            scale,
            action,
            terminated,
            truncated,
            reward > 0.0 if profitable is None else profitable,
            rapid,
        )
        self._waiting_priority[self._waiting] = given
        self._top = max(self._top, given)
        self._waiting += 1
        self._head = row + 1 if row + 1 < self.capacity else 0
        if self._waiting == len(self._waiting_priority) or self._head == 0:
            self._settle()
        return row

    def _one(self, state: ArrayLike) -> NDArray[np.float32]:
        numbers: NDArray[np.float32] = np.asarray(state, np.float32)
        if numbers.shape != (self.features,):
            raise BadExperience(f"a state of shape {numbers.shape}: it must be {self.features} numbers")
        # The sum of squares is finite only when each number is.
        if not math.isfinite(numbers.dot(numbers)):
            raise BadExperience("a state holds a number that is not finite, or beyond 1e19")
        return numbers

    def add_batch(
        self,
        states: NDArray[np.float32],
        actions: ArrayLike,
        rewards: NDArray[Any],
        next_states: NDArray[np.float32],
        terminated: ArrayLike,
        truncated: ArrayLike = False,
        profitable: ArrayLike | None = None,
        rapid: ArrayLike = False,
        priority: FloatArray | None = None,
        scale: ArrayLike = 1.0,
    ) -> IntArray:
        """Put n experiences in, oldest first, and answer their rows; at most `capacity` at once."""
        self._settle()
        n, room_left = len(states), self.capacity - self._head
        if n > self.capacity:
            raise BadExperience(f"{n:,} experiences at once: the buffer holds {self.capacity:,}")
        before, after = self._many(states, n), self._many(next_states, n)
        paid = np.asarray(rewards) > 0.0 if profitable is None else profitable
        facts = _facts_of(n, (rewards, scale, actions, terminated, truncated, paid, rapid))
        given = np.full(n, self._top) if priority is None else priorities(priority)
        if priority is not None and n:
            self._top = max(self._top, float(given.max()))
        if len(given) != n:
            raise BadExperience(f"{len(given):,} priorities for {n:,} experiences")
        if n <= room_left:
            return self._put(before, after, facts, given)
        first, second = slice(0, room_left), slice(room_left, n)
        parts = [self._put(before[part], after[part], facts[part], given[part]) for part in (first, second)]
        return np.concatenate(parts)

    def _many(self, states: NDArray[np.float32], n: int) -> NDArray[np.float32]:
        numbers: NDArray[np.float32] = np.ascontiguousarray(states, np.float32)
        if numbers.shape != (n, self.features):
            raise BadExperience(f"states of shape {numbers.shape}: they must be ({n:,}, {self.features})")
        bad = first_not_finite(numbers.view(np.int32))
        if bad >= 0:
            raise BadExperience(f"the state of experience {bad:,} holds a number that is not finite")
        return numbers

    def _put(
        self,
        states: NDArray[np.float32],
        next_states: NDArray[np.float32],
        facts: NDArray[np.void],
        priority: FloatArray,
    ) -> IntArray:
        """Write rows that fit between the head and the end of the ring."""
        index = self.index
        start, end = self._head, self._head + len(states)
        leaf = index.leaf_of(priority)
        rows = add_rows(index.pools, self._columns, start, states, next_states, facts, priority, leaf)
        self._settled(end)
        return rows

    def _settle(self) -> None:
        """Give the rows that were written one by one their places in the pools."""
        waiting, self._waiting = self._waiting, 0
        if waiting:
            end = self._head or self.capacity
            priority = self._waiting_priority[:waiting]
            leaf = self.index.leaf_of(priority)
            pool_rows(self.index.pools, self._columns, end - waiting, end, priority, leaf)
            self._settled(end)

    def _settled(self, end: int) -> None:
        self.index.rows = max(self.index.rows, end)
        self._head = end if end < self.capacity else 0

    def sample_batch(
        self,
        batch_size: int,
        prioritize_profitable: bool = True,
        correction: float = FIRST_CORRECTION,
        step: int | None = None,
    ) -> ExperienceBatch:
        """Draw a batch: half of it uniformly, the rest by priority.

        With `prioritize_profitable` half of the rest comes from the profitable pool alone. `weight` undoes
        all of it to the degree `correction` (b, 1 wholly). `step` is what the randomness belongs to. Raises
        BufferEmpty, and DrawsSpent when the rows have too few draws left.
        """
        if batch_size < 1:
            raise BadExperience(f"a batch of {batch_size} experiences: at least 1 is needed")
        self._settle()
        index = self.index
        index.step = index.step + 1 if step is None else step
        rows, chance, relative = np.empty(batch_size, np.int64), np.empty(batch_size), np.empty(batch_size)
        out = room(batch_size, self.features)
        numbers = index.numbers_of(batch_size, prioritize_profitable)
        place = (index.rules.seed, index.step)
        got = choose_and_gather(index.pools, self._columns, *numbers, *place, rows, chance, relative, out)
        if got < batch_size:
            index.give_back(rows[:got])
            index.refuse(batch_size)
        return ExperienceBatch(
            rows,
            out.states[0],
            out.action,
            out.reward,
            out.states[1],
            out.terminated,
            out.scale,
            chance,
            scaled_weights(relative, correction),
        )

    def update_priorities(self, rows: IntArray, priority: FloatArray) -> None:
        """Give drawn rows other priorities, (n,) each; raises BadExperience unless all are > 0."""
        self._settle()
        self.index.update(rows, priority)
        if len(priority):
            self._top = max(self._top, float(priority.max()))

    def chances(self, batch_size: int, prioritize_profitable: bool = True) -> FloatArray:
        """Q of every row in the next batch, (rows,)."""
        self._settle()
        return self.index.chances(batch_size, prioritize_profitable)

    @property
    def training_counts(self) -> IntArray:
        """How often each row was drawn since the last reset, (rows,)."""
        self._settle()
        return self.index.counts

    @property
    def profitable_rows(self) -> IntArray:
        """Rows of the profitable pool, ascending."""
        self._settle()
        return np.flatnonzero(self._facts["profitable"][: len(self)])

    @property
    def other_rows(self) -> IntArray:
        """Rows of the other pool, ascending."""
        self._settle()
        return np.flatnonzero(self._facts["profitable"][: len(self)] == 0)

    def reset_counts(self) -> None:
        """A new session: every row may be drawn again."""
        self._settle()
        self.index.reset_counts()

    @property
    def nbytes(self) -> int:
        """Bytes of a full buffer, everything included."""
        parts = [*self._columns, *self.index.pools, self._waiting_priority]
        return sum(part.nbytes for part in parts)

    def save(self, path: Path) -> None:
        """Write everything as plain arrays (.npz without pickle): whole or not at all."""
        self._settle()
        rows = len(self)
        cursor = np.array([self.capacity, self._head], np.int64)
        columns = Columns(self._columns.states[:rows], self._facts[:rows])
        write_buffer(path, Saved(self.index.rules, cursor, self._top, columns, self.index.state()))

    @classmethod
    def load(cls, path: Path) -> ProfitWeightedExperienceBuffer:
        """The buffer that `save` wrote; its next draws are those of the one that was saved.

        Raises BufferRefused for a file that is no such buffer or is damaged.
        """
        saved = read_buffer(path)
        capacity, head = (int(value) for value in saved.cursor)
        buffer = cls(capacity, saved.columns.states.shape[2], saved.rules)
        for kept, column in zip(buffer._columns, saved.columns, strict=True):
            kept[: len(column)] = column
        buffer.index.restore(saved.index)
        buffer._head, buffer._top = head, saved.top
        return buffer


def _facts_of(n: int, values: tuple[Any, ...]) -> NDArray[np.void]:
    """The small values of n experiences, checked."""
    facts = np.zeros(n, FACTS)
    name = ""
    try:
        for name, value in zip(FACTS.names or (), values, strict=True):
            if value is not False:
                facts[name] = value
    except ValueError as error:
        raise BadExperience(f"{name} of {n:,} experiences: {error}") from error
    # A sum is finite only when each of its terms is.
    if not math.isfinite(facts["reward"].sum(dtype=np.float64)) or not _all_scales(values[1], facts):
        sound = np.isfinite(facts["reward"]) & (facts["scale"] >= 0.0) & (facts["scale"] < np.inf)
        row = int(np.argmin(sound))
        raise BadExperience(f"experience {row:,}: its reward must be finite, its scale 0 or more")
    return facts


def _all_scales(scale: Any, facts: NDArray[np.void]) -> bool:
    if isinstance(scale, float):
        return 0.0 <= scale < math.inf
    return bool(((facts["scale"] >= 0.0) & (facts["scale"] < np.inf)).all())
