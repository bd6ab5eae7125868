"""Small packs put together: what was collected live, a setup at a time, becomes one file like a history's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from cointrader.training.collecting.package import Array
from cointrader.training.collecting.packs import ROW_ARRAYS, Pack, read_pack, sparse_columns, write_pack
from models.candle_series import FloatArray, IntArray
from storage.setup_packs import drop_retired, move_setups, newest_places
from storage.setups import packs
from storage.workspace import Workspace

MANY = 64
"""So many packs of one setup each are put together."""


def join_live_packs(
    workspace: Workspace, connection: sqlite3.Connection, symbol: str, timeframe_ms: int
) -> int:
    """Joins the newest packs of a series once there are many of one setup; returns how many it joined.

    Raises PackDamaged when one of them is not what it was; nothing has changed then.
    """
    places = newest_places(connection, symbol, timeframe_ms, 2 * MANY)
    files = {file.id: file for file in packs(connection, {pack_id for _, pack_id, _ in places})}
    single = [(setup_id, pack_id) for setup_id, pack_id, _ in places if files[pack_id].rows == 1]
    if len(single) < MANY:
        return 0
    parts = [read_pack(workspace, files[pack_id]) for _, pack_id in single]
    if len({part.arrays["cnn_features"].shape[1] for part in parts if "cnn_features" in part.arrays}) > 1:
        return 0  # of two networks; they are let be until newer packs are alike
    file = write_pack(workspace, join(parts))
    for path in drop_retired(connection):
        (workspace.root / path).unlink(missing_ok=True)
    move_setups(connection, file, [setup_id for setup_id, _ in single], [pack_id for _, pack_id in single])
    return len(single)


def join(parts: Sequence[Pack]) -> Pack:
    """The rows of several packs of one series in one, in their order; bars that they share are kept once."""
    bars, last_bar = _joined_bars(parts)
    arrays: dict[str, Array] = {"bars": bars, "last_bar": last_bar}
    for name in ROW_ARRAYS:
        arrays[name] = np.concatenate([part.arrays[name] for part in parts])
    rows = [(part, row) for part in parts for row in range(part.rows)]
    arrays |= sparse_columns(
        [part.ticks(row) for part, row in rows], [part.order_book(row) for part, row in rows]
    )
    features = [part.arrays["cnn_features"] for part in parts if "cnn_features" in part.arrays]
    if features:
        none = np.full_like(features[0][:1], np.nan)
        arrays["cnn_features"] = np.concatenate(
            [part.arrays.get("cnn_features", none.repeat(part.rows, axis=0)) for part in parts]
        )
    return Pack(arrays)


def _joined_bars(parts: Sequence[Pack]) -> tuple[FloatArray, IntArray]:
    """Bars in order of time, each once; one after the other where the same time has two different bars."""
    every = np.concatenate([part.arrays["bars"] for part in parts])
    offsets = np.cumsum([0, *(len(part.arrays["bars"]) for part in parts)])[:-1]
    last = np.concatenate(
        [part.arrays["last_bar"] + offset for part, offset in zip(parts, offsets, strict=True)]
    )
    times, first = np.unique(every[:, 0], return_index=True)
    once = Pack({"bars": every[first], "last_bar": np.searchsorted(times, every[last, 0]).astype(np.int32)})
    plain = Pack({"bars": every, "last_bar": last.astype(np.int32)})
    rows = np.arange(len(last))
    chosen = once if np.array_equal(once.windows(rows), plain.windows(rows)) else plain
    return chosen.arrays["bars"], chosen.arrays["last_bar"]
