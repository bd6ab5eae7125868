"""Turn-and-turn-about timing, and the rows that `make bench` prints and keeps.

A figure here is a ratio: seconds of ours over seconds of a plain limit for the same work, both taken in
the same process and the same round, so that a machine whose speed drifts moves both alike.
"""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the report. `ratio` is ours over limit; lower is better, `target` is what it may be.

    Where there is no limit to hold against (`limit_s` None) `ratio` is ours over the target's seconds.
    `peer` names the best installed peer and `peer_s` its seconds in the same rounds; empty when none is.
    """

    id: str
    name: str
    ours_s: float
    limit_s: float | None
    peer: str
    peer_s: float | None
    ratio: float
    target: float

    def as_record(self) -> dict[str, object]:
        """The row as it stands in `results.json`."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Timing:
    """Median seconds of a case, and the median over the rounds of its seconds over the limit's."""

    median_s: float
    ratio: float


def once(work: Callable[[], object]) -> float:
    """Seconds of one call, the garbage collector quiet."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()


def interleave(
    cases: dict[str, Callable[[], object]],
    limit: str,
    *,
    rounds: int = 5,
    warm: int = 1,
    limit_repeats: int = 3,
) -> dict[str, Timing]:
    """Time the cases in turn; the limit runs right before each case of each round.

    Raises KeyError when `limit` names no case.
    """
    limit_case = cases[limit]
    for _ in range(warm):
        for work in cases.values():
            work()
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    ratios: dict[str, list[float]] = {name: [] for name in cases}
    others = [name for name in cases if name != limit]
    for number in range(rounds):
        for name in others if number % 2 == 0 else reversed(others):
            floor = statistics.median(once(limit_case) for _ in range(limit_repeats))
            taken = once(cases[name])
            seconds[limit].append(floor)
            seconds[name].append(taken)
            ratios[name].append(taken / floor)
    if not others:
        seconds[limit] = [once(limit_case) for _ in range(rounds)]
    return {
        name: Timing(statistics.median(taken), statistics.median(ratios[name]) if ratios[name] else 1.0)
        for name, taken in seconds.items()
    }


def best_peer(timings: dict[str, Timing], *, ours: str, limit: str) -> tuple[str, float | None]:
    """The fastest case that is neither ours nor the limit, or ("", None)."""
    peers = {name: timing.median_s for name, timing in timings.items() if name not in {ours, limit}}
    if not peers:
        return "", None
    name = min(peers, key=lambda peer: peers[peer])
    return name, peers[name]


def row_of(
    id: str, name: str, timings: dict[str, Timing], *, target: float, ours: str = "ours", limit: str = "limit"
) -> Row:
    """The row of an interleaved measurement."""
    peer, peer_s = best_peer(timings, ours=ours, limit=limit)
    mine = timings[ours]
    return Row(id, name, mine.median_s, timings[limit].median_s, peer, peer_s, mine.ratio, target)


def table(rows: list[Row]) -> Iterator[str]:
    """The report in lines of fixed columns."""
    head = f"{'id':<10}{'work':<48}{'ours':>12}{'limit':>12}{'ratio':>8}{'at most':>9}"
    yield f"{head}  {'best peer':<26}verdict"
    for row in rows:
        limit = "-" if row.limit_s is None else seconds_text(row.limit_s)
        peer = f"{row.peer} {seconds_text(row.peer_s)}" if row.peer_s is not None else "-"
        verdict = "within" if row.ratio <= row.target else "OVER"
        yield (
            f"{row.id:<10}{row.name:<48}{seconds_text(row.ours_s):>12}{limit:>12}"
            f"{row.ratio:>8.2f}{row.target:>9.2f}  {peer:<26}{verdict}"
        )


def seconds_text(seconds: float) -> str:
    """Seconds in the unit a person would use."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
