"""Rows that do not fit into memory, sorted on disk: blocks that overlap in time are sorted together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TOGETHER_ROWS = 1 << 23
"""So many rows whose blocks overlap in time are sorted together at most: 448 MiB."""

COLUMNS = 5


@dataclass(frozen=True, eq=False)
class SpilledRows:
    """Rows in order: open times, line numbers, and open, high, low, close, volume with shape (5, rows)."""

    open_ms: NDArray[np.int64]
    lines: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.open_ms.size)

    def take(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> SpilledRows:
        """Some of the rows."""
        return SpilledRows(self.open_ms[places], self.lines[places], self.values[:, places])


class TooScattered(Exception):
    """Too many rows would have to be sorted at once."""


@dataclass(frozen=True)
class _Part:
    path: Path
    first_ms: int
    last_ms: int
    rows: int


class Spill:
    """Blocks of rows in a scratch folder; what is written is read again in order of time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[_Part] = []

    def add(self, rows: SpilledRows) -> None:
        """Keeps the rows of a block, which come in the order of the file."""
        if len(rows) == 0:
            return
        path = self._folder / f"{len(self._parts):06}.rows"
        with open(path, "xb") as file:
            for values in (rows.open_ms, rows.lines, rows.values):
                np.save(file, values, allow_pickle=False)
        self._parts.append(_Part(path, int(rows.open_ms.min()), int(rows.open_ms.max()), len(rows)))

    def times_in_order(self) -> Iterator[NDArray[np.int64]]:
        """The times of `in_order` alone, each once."""
        for together in self._together():
            times = np.concatenate([self._load_times(part) for part in together])
            if not bool(np.all(times[1:] > times[:-1])):
                times = np.unique(times)
            yield times

    def in_order(self) -> Iterator[SpilledRows]:
        """All rows by time, those with the same time in the order of the file. Raises TooScattered."""
        for together in self._together():
            rows = [self._load(part) for part in together]
            joined = SpilledRows(
                np.concatenate([each.open_ms for each in rows]),
                np.concatenate([each.lines for each in rows]),
                np.concatenate([each.values for each in rows], axis=1),
            )
            if not bool(np.all(joined.open_ms[1:] > joined.open_ms[:-1])):
                joined = joined.take(np.argsort(joined.open_ms, kind="stable"))
            yield joined

    def _together(self) -> Iterator[list[_Part]]:
        """Parts that overlap in time, in the order of the file, the groups in the order of time."""
        group: list[tuple[int, _Part]] = []
        for number, part in sorted(enumerate(self._parts), key=lambda each: (each[1].first_ms, each[0])):
            if group and part.first_ms > max(each.last_ms for _, each in group):
                yield [each for _, each in sorted(group, key=lambda pair: pair[0])]
                group = []
            group.append((number, part))
            if sum(each.rows for _, each in group) > TOGETHER_ROWS and len(group) > 1:
                raise TooScattered
        if group:
            yield [each for _, each in sorted(group, key=lambda pair: pair[0])]

    def _load_times(self, part: _Part) -> NDArray[np.int64]:
        with open(part.path, "rb") as file:
            times: NDArray[np.int64] = np.load(file, allow_pickle=False)
        return times

    def _load(self, part: _Part) -> SpilledRows:
        with open(part.path, "rb") as file:
            open_ms, lines, values = (np.load(file, allow_pickle=False) for _ in range(3))
        return SpilledRows(open_ms, lines, values)
