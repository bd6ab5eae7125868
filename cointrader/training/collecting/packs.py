"""Packs: the arrays of many setups of one series in one file, trusted by its SHA-256 in the database.

Neighbouring setups share most of their bars, so a pack holds every bar once: `bars` (b, 6), and of each row
the place of its newest bar, `last_bar`; its window is that bar and the 47 before it. Fields that few setups
have lie beside the others: `ticks` (t, 4) cut at `ticks_end`, and books, found by `book` (-1: none).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.collecting.columns import SIZES, WINDOW_BARS
from cointrader.training.collecting.package import ModelInputPackage
from cointrader.training.collecting.rules import BOOK_LEVELS, TICK_NAMES
from models.candle_series import IntArray
from storage.durable_file import write_file_atomically
from storage.errors import StorageError
from storage.setup_packs import RETIRED
from storage.setups import PackFile, SetupRow, packs
from storage.workspace import Workspace

LAYOUT = "setup-1"
ROW_ARRAYS = tuple(SIZES)


class PackDamaged(StorageError):
    """A pack is gone or not what it was; `path` is that of the file."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}; `cointrader collect --whole` makes it again from the candles")
        self.path = path


@dataclass(frozen=True)
class Pack:
    """The arrays of a pack by name, see the module."""

    arrays: Mapping[str, NDArray[Any]]

    @property
    def rows(self) -> int:
        return len(self.arrays["last_bar"])

    def windows(self, rows: IntArray) -> NDArray[np.float64]:
        """The bars (rows, 48, 6) up to each of these rows' moments."""
        index = self.arrays["last_bar"][rows][:, None] + np.arange(1 - WINDOW_BARS, 1)
        windows: NDArray[np.float64] = self.arrays["bars"][index]
        return windows

    def ticks(self, row: int) -> NDArray[Any] | None:
        """The trades of a row, if it has any."""
        start = int(self.arrays["ticks_end"][row - 1]) if row else 0
        end = int(self.arrays["ticks_end"][row])
        return self.arrays["ticks"][start:end] if end > start else None

    def order_book(self, row: int) -> NDArray[Any] | None:
        """The book of a row, if it has one."""
        book = int(self.arrays["book"][row])
        return self.arrays["books"][book] if book >= 0 else None

    def package(self, row: int, symbol: str, timeframe_ms: int) -> ModelInputPackage:
        """One row as the package that was collected."""
        arrays = self.arrays
        window = self.windows(np.array([row]))[0]
        named = {name: arrays[name][row] for name in (*ROW_ARRAYS, "cnn_features") if name in arrays}
        return ModelInputPackage(
            timestamp=int(window[-1, 0]),
            symbol=symbol,
            timeframe_ms=timeframe_ms,
            ohlcv=window,
            ticks=self.ticks(row),
            order_book=self.order_book(row),
            **{name: values for name, values in named.items() if np.isfinite(values).all()},
        )


def shared_bars(last_bar: IntArray, bars: int) -> tuple[IntArray, NDArray[np.int32]]:
    """Which of `bars` bars the windows that end at `last_bar` need, and where each ends among those."""
    change = np.zeros(bars + 1, dtype=np.int64)
    np.add.at(change, last_bar + 1 - WINDOW_BARS, 1)
    np.add.at(change, last_bar + 1, -1)
    needed = np.flatnonzero(np.cumsum(change[:-1]) > 0)
    return needed, np.searchsorted(needed, last_bar).astype(np.int32)


def sparse_columns(
    ticks: Sequence[NDArray[Any] | None], books: Sequence[NDArray[Any] | None]
) -> dict[str, NDArray[Any]]:
    """The arrays of the fields that a row may lack."""
    lengths = [0 if each is None else len(each) for each in ticks]
    trades = [each for each in ticks if each is not None]
    there = [each for each in books if each is not None]
    has_book = np.array([each is not None for each in books], dtype=np.bool_)
    return {
        "ticks": np.concatenate([np.empty((0, len(TICK_NAMES))), *trades]),
        "ticks_end": np.cumsum(lengths, dtype=np.int64),
        "books": np.stack(there) if there else np.empty((0, 2, BOOK_LEVELS, 2)),
        "book": np.where(has_book, np.cumsum(has_book) - 1, -1).astype(np.int32),
    }


def write_pack(workspace: Workspace, pack: Pack) -> PackFile:
    """Writes a pack, durable and whole, under the name of its hash; equal packs share a file."""
    from safetensors.numpy import save

    content: bytes = save({name: np.ascontiguousarray(each) for name, each in pack.arrays.items()})
    folder = workspace.datasets / "setups"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest}.safetensors"
    write_file_atomically(path, content)
    return PackFile(path.relative_to(workspace.root).as_posix(), digest, len(content), pack.rows, LAYOUT)


def read_pack(workspace: Workspace, file: PackFile) -> Pack:
    """A pack whose bytes are those that were recorded. Raises PackDamaged naming the file."""
    from safetensors.numpy import load

    path = workspace.root / file.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PackDamaged(file.path, f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise PackDamaged(file.path, "its SHA-256 is not the one that was recorded")
    if file.layout.removeprefix(RETIRED) != LAYOUT:
        raise PackDamaged(file.path, f"its layout {file.layout!r} is not known to this version")
    return Pack(load(content))


def rows_of_packs(
    workspace: Workspace,
    connection: sqlite3.Connection,
    pack_ids: IntArray,
    pack_rows: IntArray,
    name: str = "rl_state",
) -> NDArray[Any]:
    """One array field of setups that lie in several packs, (setups, size), in the order that was asked for.

    `name` is indicators, pivots, rl_state or context, or `ohlcv` for the windows (setups, 48, 6). Raises
    PackDamaged.
    """
    if not len(pack_ids):
        return np.empty((0, SIZES.get(name, 0)))
    found: NDArray[Any] | None = None
    for file in _files(connection, np.unique(pack_ids).tolist()):
        pack = read_pack(workspace, file)
        at = np.flatnonzero(pack_ids == file.id)
        part = pack.windows(pack_rows[at]) if name == "ohlcv" else pack.arrays[name][pack_rows[at]]
        if found is None:
            found = np.empty((len(pack_ids), *part.shape[1:]), dtype=part.dtype)
        found[at] = part
    assert found is not None
    return found


def packages_of(
    workspace: Workspace, connection: sqlite3.Connection, setups: Iterable[SetupRow]
) -> list[ModelInputPackage]:
    """The packages of stored setups. Raises PackDamaged, also where a package is not the one collected."""
    rows = list(setups)
    files = {file.id: file for file in _files(connection, sorted({row.pack_id for row in rows}))}
    read = {pack_id: read_pack(workspace, file) for pack_id, file in files.items()}
    made = []
    for row in rows:
        package = read[row.pack_id].package(row.pack_row, row.symbol, row.timeframe_ms)
        if package.sha256 != row.sha256:
            raise PackDamaged(files[row.pack_id].path, f"setup {row.id} in it is not the one collected")
        made.append(package)
    return made


def _files(connection: sqlite3.Connection, ids: Sequence[int]) -> list[PackFile]:
    files = packs(connection, ids)
    missing = set(ids) - {file.id for file in files}
    if missing:
        raise StorageError(f"there is no pack {min(missing)} of setups")
    return files
