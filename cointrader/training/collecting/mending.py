"""Packs that were damaged, made again from the candles: a pack is as good as new if every hash agrees."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import numpy as np

from cointrader.training.collecting.columns import SeriesColumns
from cointrader.training.collecting.packs import Pack, PackDamaged, read_pack, write_pack
from models.candle_series import IntArray
from storage.setup_packs import move_setups, packs_of_series, setups_of_pack
from storage.setups import packs
from storage.workspace import Workspace

Remake = Callable[[IntArray], tuple[Pack, list[str]]]
"""Bars to the pack of their packages, and the SHA-256 of each."""


def mend_packs(
    workspace: Workspace, connection: sqlite3.Connection, columns: SeriesColumns, remake: Remake
) -> tuple[int, list[str]]:
    """Makes the damaged packs of a series again; returns how many, and the paths of those it could not.

    A pack cannot be made again where the candles, or the feeds near a moment, are not those of its time.
    """
    mended, lost = 0, []
    for file in packs(connection, packs_of_series(connection, columns.symbol, columns.timeframe_ms)):
        try:
            read_pack(workspace, file)
            continue
        except PackDamaged:
            rows = setups_of_pack(connection, file.id, columns.symbol, columns.timeframe_ms)
        moments = np.array([ts_ms for _, ts_ms, _ in rows], dtype=np.int64)
        bar = np.searchsorted(columns.close_ms, moments)
        if not _are_there(columns.close_ms, bar, moments):
            lost.append(file.path)
            continue
        pack, hashes = remake(bar)
        if hashes != [sha256 for _, _, sha256 in rows]:
            lost.append(file.path)
            continue
        move_setups(connection, write_pack(workspace, pack), [row[0] for row in rows], [file.id])
        mended += 1
    return mended, lost


def _are_there(close_ms: IntArray, bar: IntArray, moments: IntArray) -> bool:
    """Whether every moment is the close of the bar found for it."""
    return bool((bar < len(close_ms)).all()) and np.array_equal(close_ms[bar], moments)
