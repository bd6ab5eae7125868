"""P3: a prioritised replay buffer of a million rows, each with two states of 64 float32.

The limit is the plain way to do it well: columns in NumPy, `take` for the rows, and a compiled sum tree of
three levels, 64 children a node. It draws from the priorities alone and knows neither pools nor caps.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Row, interleave, row_of
from models.compiled import kernel
from models.replay_buffer.buffer import ProfitWeightedExperienceBuffer
from models.replay_buffer.priority_index import UNCAPPED, Rules

ROWS, FEATURES, BATCH = 1_000_000, 64, 256
EXPONENT, CORRECTION = 0.6, 0.4
FAN = 64


@kernel
def mark(leaves: Any, middle: Any, top: Any, rows: Any, values: Any) -> None:
    """Set leaves and the sums above them."""
    for j in range(len(rows)):
        leaves[rows[j]] = values[j]
    for j in range(len(rows)):
        node, total = rows[j] // FAN, 0.0
        for k in range(node * FAN, node * FAN + FAN):
            total += leaves[k]
        middle[node] = total
    for j in range(len(rows)):
        node, total = rows[j] // (FAN * FAN), 0.0
        for k in range(node * FAN, node * FAN + FAN):
            total += middle[k]
        top[node] = total


@kernel
def descend(leaves: Any, middle: Any, top: Any, shares: Any, rows: Any, chances: Any) -> None:
    """One row a stretch of the whole sum; the top level is walked once."""
    total = 0.0
    for value in top:
        total += value
    stretch, passed, place = total / len(shares), 0.0, 0
    for j in range(len(shares)):
        target = (j + shares[j]) * stretch
        while place < len(top) - 1 and passed + top[place] <= target:
            passed += top[place]
            place += 1
        rest, node = target - passed, place * FAN
        last = node + FAN - 1
        while node < last and middle[node] <= rest:
            rest -= middle[node]
            node += 1
        row = node * FAN
        last = row + FAN - 1
        while row < last and leaves[row] <= rest:
            rest -= leaves[row]
            row += 1
        rows[j], chances[j] = row, leaves[row] / total


class PlainBuffer:
    """The limit."""

    def __init__(self) -> None:
        tops = -(-ROWS // (FAN * FAN))
        self.tree = np.zeros(tops * FAN * FAN), np.zeros(tops * FAN), np.zeros(tops)
        self.state, self.next = (np.zeros((ROWS, FEATURES), np.float32) for _ in range(2))
        self.action, self.reward = np.zeros(ROWS, np.int64), np.zeros(ROWS, np.float32)
        self.done = np.zeros(ROWS, np.bool_)
        self.generator = np.random.default_rng(0)
        self.head = self.rows = 0

    def add(self, state: Any, action: Any, reward: Any, following: Any, done: Any, n: int) -> None:
        start = self.head if self.head + n <= ROWS else 0
        end = start + n
        self.state[start:end], self.next[start:end] = state, following
        self.action[start:end], self.reward[start:end], self.done[start:end] = action, reward, done
        self.head, self.rows = end % ROWS, max(self.rows, end)
        mark(*self.tree, np.arange(start, end), np.ones(n))

    def sample(self) -> tuple[Any, ...]:
        rows, chances = np.empty(BATCH, np.int64), np.empty(BATCH)
        descend(*self.tree, self.generator.random(BATCH), rows, chances)
        weights = (self.rows * chances) ** -CORRECTION
        gathered = self.state.take(rows, 0), self.next.take(rows, 0)
        facts = self.action[rows], self.reward[rows], self.done[rows]
        return rows, *gathered, *facts, (weights / weights.max()).astype(np.float32)

    def update(self, rows: Any, priority: Any) -> None:
        mark(*self.tree, rows, priority**EXPONENT)


def rows() -> list[Row]:
    """Time the buffer and print what it takes."""
    generator = np.random.default_rng(1)
    states = generator.normal(size=(BATCH, FEATURES)).astype(np.float32)
    rewards, actions = generator.normal(size=BATCH).astype(np.float32), np.ones(BATCH, np.int64)
    done, priority = np.zeros(BATCH, np.bool_), generator.random(BATCH) + 0.01
    ours = ProfitWeightedExperienceBuffer(ROWS, FEATURES, Rules(most_draws=UNCAPPED))
    limit = PlainBuffer()
    one = states[0], 1, 0.5, states[1], False

    def exchange() -> None:
        ours.update_priorities(ours.sample_batch(BATCH).row, priority)

    def plain_exchange() -> None:
        limit.update(limit.sample()[0], priority)

    def add_many() -> None:
        ours.add_batch(states, actions, rewards, states, done)

    def plain_add_many() -> None:
        limit.add(states, actions, rewards, states, done, BATCH)

    for _ in range(ROWS // BATCH + 1):
        add_many()
        plain_add_many()
    for _ in range(2_000):  # Priorities differ from row to row, as they do in use.
        exchange()
        plain_exchange()
    works: list[tuple[str, str, Callable[[], object], Callable[[], object], int, float]] = [
        ("P3 a", "buffer, 1 M rows: sample 256 + update", exchange, plain_exchange, 200, 0.7),
        ("P3 b", "buffer: add one row", lambda: ours.add(*one), lambda: limit.add(*one, 1), 2_000, 1.0),
        ("P3 c", "buffer: add 256 rows", add_many, plain_add_many, 100, 1.0),
    ]
    report = []
    for id, name, mine, plain, times, target in works:
        cases = {"limit": _times(plain, times), "ours": _times(mine, times)}
        timings = interleave(cases, "limit", rounds=9)
        report.append(row_of(id, name, timings, target=target))
    before = _resident_mib()
    for _ in range(ROWS // BATCH + 1):
        exchange()
    print(
        f"P3 memory: {ours.nbytes / 2**20:,.0f} MiB at {len(ours):,} rows, states {_state_mib():,.0f} MiB; "
        f"drawing a million experiences added {_resident_mib() - before:,.1f} MiB to the process"
    )
    return report


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _state_mib() -> float:
    return ROWS * FEATURES * 2 * 4 / 2**20


def _times(work: Callable[[], object], times: int) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(times):
            work()

    return repeated
