"""Setups and experiences of a workspace as the columns that agents learn from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.collecting.packs import rows_of_packs
from cointrader.training.outcomes.score import BPS, SIDES
from models.candle_series import FloatArray, IntArray
from models.errors import NotEnoughRows
from models.setup_rows import ExperienceRows, SetupRows
from storage.workspace import Workspace

StateReader = Callable[[Sequence[tuple[int, int]]], NDArray[np.float32]]

_SETUPS = (
    "SELECT s.id, s.ts_ms, s.ts_ms + o.horizon_ms, s.symbol, s.timeframe_ms, s.side, s.extreme, s.rapid, "
    "o.gross_return, o.cost_bps, o.score, s.priority, o.value, s.pack_id, s.pack_row, s.provenance "
    "FROM setup AS s JOIN outcome AS o ON o.setup_id = s.id WHERE s.state = 'validated' "
    "{symbols} ORDER BY s.ts_ms, s.id"
)
_EXPERIENCES = (
    'SELECT e.id, e.ts_ms, e.ends_ms, e.setup_id, coalesce(e.next_setup_id, -1), e."action", e.reward, '
    "e.terminated, e.truncated, e.priority, e.source = 'close', e.provenance "
    "FROM experience AS e {symbols} ORDER BY e.ts_ms, e.id"
)


def states_at(
    workspace: Workspace, connection: sqlite3.Connection, places: Sequence[tuple[int, int]]
) -> NDArray[np.float32]:
    """States (n, features) of setups by (pack, row in it), each pack read once. Raises PackDamaged."""
    at = np.array(places, dtype=np.int64).reshape(len(places), 2)
    return rows_of_packs(workspace, connection, at[:, 0], at[:, 1]).astype(np.float32, copy=False)


def read_setups(
    connection: sqlite3.Connection, states: StateReader, symbols: str
) -> tuple[SetupRows, frozenset[str]]:
    """Validated setups of the named symbols ("all" or a comma list) whose state is known, and their lineage.

    Oldest first. Raises NotEnoughRows, saying how to get some, where there is none.
    """
    chosen, names = _of_symbols(symbols, "AND s.symbol")
    found = connection.execute(_SETUPS.format(symbols=chosen), names).fetchall()
    if not found:
        raise NotEnoughRows(0, 1, f"validated setups of {symbols}; collect some with: cointrader collect")
    columns = list(zip(*found, strict=True))
    state = states(list(zip(columns[13], columns[14], strict=True)))
    known = np.flatnonzero(np.isfinite(state).all(axis=1))
    if not known.size:
        raise NotEnoughRows(0, 1, f"setups of {symbols} with a known state; their history is too short")

    def whole(place: int) -> IntArray:
        return np.array(columns[place], dtype=np.int64)[known]

    def real(place: int) -> FloatArray:
        return np.array(columns[place], dtype=np.float64)[known]

    side = np.array([SIDES[text] for text in columns[5]], dtype=np.int64)[known]
    moved, cost = side * real(8), real(9) * BPS
    symbol_column: tuple[str, ...] = columns[3]
    rows = SetupRows(
        id=whole(0),
        ts_ms=whole(1),
        ends_ms=whole(2),
        symbol=tuple(symbol_column[row] for row in known.tolist()),
        timeframe_ms=whole(4),
        side=side,
        extreme=whole(6),
        rapid=whole(7).astype(np.bool_),
        buy_return=moved - cost,
        sell_return=-moved - cost,
        score=real(10),
        priority=real(11),
        value=real(12),
        state=state[known],
    )
    return rows, frozenset(columns[15])


def read_experiences(
    connection: sqlite3.Connection, states: StateReader, symbols: str
) -> tuple[ExperienceRows, frozenset[str]]:
    """Experiences in the states of `read_setups`, oldest first, and their lineage.

    Where the next setup has no known outcome or state yet, the experience is one that was cut short.
    Raises NotEnoughRows.
    """
    setups, lineage = read_setups(connection, states, symbols)
    chosen, names = _of_symbols(symbols, "WHERE e.symbol")
    found = connection.execute(_EXPERIENCES.format(symbols=chosen), names).fetchall()
    columns: list[Any] = list(zip(*found, strict=True)) if found else [()] * 12
    setup = _places(setups.id, np.array(columns[3], dtype=np.int64))
    known = np.flatnonzero(setup >= 0)
    if not known.size:
        raise NotEnoughRows(0, 1, f"experiences of {symbols}; collect some with: cointrader collect")

    def whole(place: int) -> IntArray:
        return np.array(columns[place], dtype=np.int64)[known]

    following = _places(setups.id, whole(4))
    terminated = whole(7).astype(np.bool_)
    rows = ExperienceRows(
        id=whole(0),
        ts_ms=whole(1),
        ends_ms=whole(2),
        setup=setup[known],
        next_setup=following,
        action=whole(5),
        reward=np.array(columns[6], dtype=np.float64)[known],
        terminated=terminated,
        truncated=whole(8).astype(np.bool_) | (~terminated & (following < 0)),
        priority=np.array(columns[9], dtype=np.float64)[known],
        from_close=whole(10).astype(np.bool_),
        setups=setups,
    )
    return rows, lineage | frozenset(columns[11])


def _places(ids: IntArray, wanted: IntArray) -> IntArray:
    """The row of each wanted id among `ids`, -1 where it is not there."""
    order = np.argsort(ids, kind="stable")
    at = np.minimum(np.searchsorted(ids[order], wanted), ids.size - 1)
    rows = order[at]
    return np.asarray(np.where(ids[rows] == wanted, rows, -1), dtype=np.int64)


def _of_symbols(symbols: str, column: str) -> tuple[str, list[str]]:
    """A condition on symbols, and its parameters."""
    if symbols.strip().lower() == "all":
        return "", []
    names = [name.strip().upper() for name in symbols.split(",") if name.strip()]
    return f"{column} IN ({', '.join('?' * len(names))})", names
